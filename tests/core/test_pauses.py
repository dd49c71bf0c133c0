"""When a pause is over: no clock that is set prolongs it or ends it early."""

from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.pauses import LONGEST_S, Mode, Pause

NOON_S = 1_700_000_000.0
TIMES = st.floats(0, 3e9)
LENGTHS = st.floats(60, LONGEST_S)


def asked(lasts_s: float, *, at_s: float = NOON_S, up_s: float = 5000.0, clock_trusted: bool = True) -> Pause:
    return Pause(Mode.PAUSED, lasts_s, "this boot", up_s + lasts_s, at_s + lasts_s, clock_trusted=clock_trusted)


@given(LENGTHS, st.floats(0, 2 * LONGEST_S), st.none() | TIMES)
def test_within_its_boot_uptime_alone_counts(lasts_s: float, later_s: float, wall_s: float | None) -> None:
    left_s = asked(lasts_s).left_s("this boot", 5000 + later_s, wall_s)
    assert abs(left_s - max(0.0, lasts_s - later_s)) < 1e-3


@given(LENGTHS, st.floats(0, LONGEST_S), st.floats(0, LONGEST_S))
def test_after_a_reboot_it_is_over_by_believed_time(lasts_s: float, off_s: float, up_s: float) -> None:
    left_s = asked(lasts_s).left_s("another", up_s, NOON_S + off_s + up_s)
    assert abs(left_s - max(0.0, lasts_s - off_s - up_s)) < 1e-3


@given(LENGTHS, TIMES, st.booleans())
def test_after_a_reboot_it_lasts_no_longer_than_its_length_whatever_the_clock_says(
    lasts_s: float, wall_s: float, clock_trusted: bool
) -> None:
    assert asked(lasts_s, clock_trusted=clock_trusted).left_s("another", lasts_s, wall_s) == 0
    assert asked(lasts_s).left_s("another", lasts_s, None) == 0


@given(LENGTHS, st.floats(0, LONGEST_S), TIMES)
def test_a_clock_that_is_not_believed_ends_nothing(lasts_s: float, up_s: float, wall_s: float) -> None:
    for pause, accepted_s in ((asked(lasts_s), None), (asked(lasts_s, clock_trusted=False), wall_s)):
        assert pause.left_s("another", up_s, accepted_s) == max(0.0, lasts_s - up_s)
