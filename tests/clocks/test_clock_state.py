"""Which readings of the clock are believed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.clock_state import LEAP_S, TOLERANCE_S, Belief, Doubt, Reading
from bluezone_agent.core.intervals import DAY_S

T = 1_800_000_000.0
HOUR_S = 3600.0
YEAR_2038 = 2_147_483_000.0


def reading(uptime_s: float, *, off_s: float = 0.0, boot: str = "a", synchronised: bool = True) -> Reading:
    """Return what a device reads that was booted at T and whose clock is ``off_s`` ahead."""
    return Reading(T + uptime_s + off_s, uptime_s, boot, synchronised)


def after(*readings: Reading) -> Belief:
    belief = Belief()
    for each in readings:
        belief = belief.after(each)
    return belief


def hourly(first_h: int, last_h: int, **how: float) -> list[Reading]:
    return [reading(hour * HOUR_S, **how) for hour in range(first_h, last_h + 1)]  # type: ignore[arg-type]


def test_a_clock_that_nobody_synchronised_is_not_believed() -> None:
    assert after(reading(0, synchronised=False)).doubt is Doubt.NOT_SYNCHRONISED


def test_once_synchronised_the_rest_of_the_boot_needs_no_time_server() -> None:
    belief = after(reading(0), reading(50 * HOUR_S, synchronised=False))
    assert belief.trusted
    assert belief.after(reading(51 * HOUR_S, synchronised=False, boot="b")).doubt is Doubt.NOT_SYNCHRONISED


@pytest.mark.parametrize("synchronised", [True, False])
@pytest.mark.parametrize(
    ("off_s", "doubt"),
    [
        (-TOLERANCE_S + 1, None),
        (-TOLERANCE_S - 1, Doubt.WENT_BACK),
        (TOLERANCE_S - 1, None),
        (TOLERANCE_S + 1, Doubt.JUMPED_AHEAD),
        (-T, Doubt.WENT_BACK),
        (YEAR_2038 - T, Doubt.JUMPED_AHEAD),
    ],
)
def test_within_a_boot_wall_time_advances_with_uptime(off_s: float, doubt: Doubt | None, synchronised: bool) -> None:
    before = after(*hourly(0, 20))
    belief = before.after(reading(20 * HOUR_S, off_s=off_s, synchronised=synchronised))
    assert belief.doubt is doubt
    assert belief.after(reading(20 * HOUR_S + 1)).trusted, "it came back"


def test_a_step_is_measured_from_the_beginning_so_that_small_ones_do_not_add_up() -> None:
    belief = after(*(reading(i * 60, off_s=i * 100) for i in range(72)))
    assert belief.trusted
    assert belief.after(reading(73 * 60, off_s=7300)).doubt is Doubt.JUMPED_AHEAD


def test_from_boot_to_boot_time_goes_forward() -> None:
    believed = after(*hourly(0, 20))
    assert believed.after(reading(60, boot="b", off_s=18 * HOUR_S)).trusted, "1 min 59 h before the high-water mark"
    assert believed.after(reading(60, boot="b", off_s=17 * HOUR_S)).doubt is Doubt.WENT_BACK
    assert believed.after(reading(60, boot="b", off_s=90 * DAY_S)).trusted, "a quarter in a drawer"


def test_nothing_is_deleted_by_a_time_that_has_not_settled() -> None:
    assert not after(*hourly(0, 11)).settled
    settled = after(*hourly(0, 12))
    assert settled.settled
    weekend = settled.after(reading(60, boot="b", off_s=12 * HOUR_S + LEAP_S - 120))
    assert weekend.settled
    quarter = settled.after(reading(60, boot="b", off_s=90 * DAY_S))
    assert (quarter.trusted, quarter.settled) == (True, False)
    for belief in (settled, quarter):
        assert not belief.after(reading(13 * HOUR_S, off_s=YEAR_2038 - T)).settled


def test_a_course_that_holds_takes_the_place_of_the_one_it_contests() -> None:
    """A time server lied across a reboot; the truth must not be doubted for ever."""
    lied = after(*hourly(0, 20, off_s=365 * DAY_S))
    for hour in range(21, 33):
        lied = lied.after(reading(hour * HOUR_S))
        assert lied.doubt is Doubt.WENT_BACK
    assert lied.after(reading(33 * HOUR_S)).trusted


def test_short_visits_of_a_wrong_time_do_not_add_up() -> None:
    belief = after(*hourly(0, 20))
    for i in range(100):
        belief = belief.after(reading((21 + i) * HOUR_S, off_s=(1 + i) * 2 * DAY_S))
        belief = belief.after(reading((21.4 + i) * HOUR_S, off_s=(1 + i) * 2 * DAY_S))
        assert not belief.trusted
        belief = belief.after(reading((21.5 + i) * HOUR_S))
        assert belief.trusted


def test_a_laptop_of_eight_hours_a_day_settles() -> None:
    belief = Belief()
    for day in range(3):
        for hour in range(9):
            belief = belief.after(reading(hour * HOUR_S, boot=str(day), off_s=day * DAY_S))
    assert belief.settled


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-4e9, 4e9), st.integers(0, 2), st.booleans()), max_size=30))
def test_the_high_water_mark_of_a_course_never_falls(script: list[tuple[float, float, int, bool]]) -> None:
    belief, uptime_s = Belief(), 0.0
    for step_s, off_s, boot, synchronised in script:
        uptime_s += step_s
        before, belief = belief, belief.after(Reading(T + off_s, uptime_s, str(boot), synchronised))
        if before.course and belief.course and belief.rival == before.rival is None:
            assert belief.course.high_water_s >= before.course.high_water_s
        assert belief.settled <= belief.trusted
        if not synchronised and (before.course is None or before.course.boot_id != str(boot)):
            assert not belief.trusted
            assert replace(belief, doubt=before.doubt) == before, "whoever is not vouched for changes nothing"
