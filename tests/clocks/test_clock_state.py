"""Which readings of the clock are believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bluezone_agent.core.clock_state import LEAP_S, TOLERANCE_S, ClockReading, ClockState, DistrustReason
from bluezone_agent.core.intervals import DAY_S

T = 1_800_000_000.0
HOUR_S = 3600.0
YEAR_2038 = 2_147_483_000.0


def reading(uptime_s: float, *, off_s: float = 0.0, boot: str = "a", synchronised: bool = True) -> ClockReading:
    """Return what a device reads that was booted at T and whose clock is ``off_s`` ahead."""
    return ClockReading(T + uptime_s + off_s, uptime_s, boot, synchronised)


def after(*readings: ClockReading) -> ClockState:
    clock_state = ClockState()
    for each in readings:
        clock_state = clock_state.after(each)
    return clock_state


def hourly(first_h: int, last_h: int, **how: float) -> list[ClockReading]:
    return [reading(hour * HOUR_S, **how) for hour in range(first_h, last_h + 1)]  # type: ignore[arg-type]


def test_a_clock_that_nobody_synchronised_is_not_believed() -> None:
    assert after(reading(0, synchronised=False)).distrust_reason is DistrustReason.NOT_SYNCHRONISED


def test_once_synchronised_the_rest_of_the_boot_needs_no_time_server() -> None:
    clock_state = after(reading(0), reading(50 * HOUR_S, synchronised=False))
    assert clock_state.trusted
    assert (
        clock_state.after(reading(51 * HOUR_S, synchronised=False, boot="b")).distrust_reason
        is DistrustReason.NOT_SYNCHRONISED
    )


@pytest.mark.parametrize("synchronised", [True, False])
@pytest.mark.parametrize(
    ("off_s", "distrust_reason"),
    [
        (-TOLERANCE_S + 1, None),
        (-TOLERANCE_S - 1, DistrustReason.WENT_BACK),
        (TOLERANCE_S - 1, None),
        (TOLERANCE_S + 1, DistrustReason.JUMPED_AHEAD),
        (-T, DistrustReason.WENT_BACK),
        (YEAR_2038 - T, DistrustReason.JUMPED_AHEAD),
    ],
)
def test_within_a_boot_wall_time_advances_with_uptime(
    off_s: float, distrust_reason: DistrustReason | None, synchronised: bool
) -> None:
    before = after(*hourly(0, 20))
    clock_state = before.after(reading(20 * HOUR_S, off_s=off_s, synchronised=synchronised))
    assert clock_state.distrust_reason is distrust_reason
    assert clock_state.after(reading(20 * HOUR_S + 1)).trusted, "it came back"


def test_a_step_is_measured_from_the_beginning_so_that_small_ones_do_not_add_up() -> None:
    clock_state = after(*(reading(i * 60, off_s=i * 100) for i in range(72)))
    assert clock_state.trusted
    assert clock_state.after(reading(73 * 60, off_s=7300)).distrust_reason is DistrustReason.JUMPED_AHEAD


def test_from_boot_to_boot_time_goes_forward() -> None:
    accepted = after(*hourly(0, 20))
    assert accepted.after(reading(60, boot="b", off_s=18 * HOUR_S)).trusted, "1 min 59 h before the high-water mark"
    assert accepted.after(reading(60, boot="b", off_s=17 * HOUR_S)).distrust_reason is DistrustReason.WENT_BACK
    assert accepted.after(reading(60, boot="b", off_s=90 * DAY_S)).trusted, "a quarter in a drawer"


def test_nothing_is_deleted_by_a_time_that_has_not_settled() -> None:
    assert not after(*hourly(0, 11)).stable
    stable = after(*hourly(0, 12))
    assert stable.stable
    weekend = stable.after(reading(60, boot="b", off_s=12 * HOUR_S + LEAP_S - 120))
    assert weekend.stable
    quarter = stable.after(reading(60, boot="b", off_s=90 * DAY_S))
    assert (quarter.trusted, quarter.stable) == (True, False)
    for clock_state in (stable, quarter):
        assert not clock_state.after(reading(13 * HOUR_S, off_s=YEAR_2038 - T)).stable


def test_a_course_that_holds_takes_the_place_of_the_one_it_contests() -> None:
    """A time server lied across a reboot; the truth must not be doubted for ever."""
    lied = after(*hourly(0, 20, off_s=365 * DAY_S))
    for hour in range(21, 33):
        lied = lied.after(reading(hour * HOUR_S))
        assert lied.distrust_reason is DistrustReason.WENT_BACK
    assert lied.after(reading(33 * HOUR_S)).trusted


def test_short_visits_of_a_wrong_time_do_not_add_up() -> None:
    clock_state = after(*hourly(0, 20))
    for i in range(100):
        clock_state = clock_state.after(reading((21 + i) * HOUR_S, off_s=(1 + i) * 2 * DAY_S))
        clock_state = clock_state.after(reading((21.4 + i) * HOUR_S, off_s=(1 + i) * 2 * DAY_S))
        assert not clock_state.trusted
        clock_state = clock_state.after(reading((21.5 + i) * HOUR_S))
        assert clock_state.trusted


def test_a_laptop_of_eight_hours_a_day_settles() -> None:
    clock_state = ClockState()
    for day in range(3):
        for hour in range(9):
            clock_state = clock_state.after(reading(hour * HOUR_S, boot=str(day), off_s=day * DAY_S))
    assert clock_state.stable


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-4e9, 4e9), st.integers(0, 2), st.booleans()), max_size=30))
def test_the_high_water_mark_of_a_course_never_falls(script: list[tuple[float, float, int, bool]]) -> None:
    clock_state, uptime_s = ClockState(), 0.0
    for step_s, off_s, boot, synchronised in script:
        uptime_s += step_s
        before, clock_state = clock_state, clock_state.after(ClockReading(T + off_s, uptime_s, str(boot), synchronised))
        if before.timeline and clock_state.timeline and clock_state.candidate == before.candidate is None:
            assert clock_state.timeline.high_water_s >= before.timeline.high_water_s
        assert clock_state.stable <= clock_state.trusted
        if not synchronised and (before.timeline is None or before.timeline.boot_id != str(boot)):
            assert not clock_state.trusted
            assert replace(clock_state, distrust_reason=before.distrust_reason) == before, (
                "whoever is not vouched for changes nothing"
            )
