"""A time in the future is unknown, never young."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.ages import age_s, is_known

TIMES = st.none() | st.integers(0, 2**40)


@given(st.floats(0, 2**40), st.lists(TIMES, max_size=4))
def test_an_age_is_that_of_the_latest_known_time_and_never_negative(now_s: float, times_s: list[int | None]) -> None:
    known = [time_s for time_s in times_s if time_s is not None and time_s <= now_s]
    age = age_s(now_s, *times_s)
    if set(times_s) <= {None}:
        assert age is None
    elif not known:
        assert age == math.inf
    else:
        assert age == now_s - max(known) >= 0
    assert [is_known(now_s, time_s) for time_s in times_s] == [time_s in known for time_s in times_s]


@given(st.integers(0, 2**40), st.integers(1, 2**40), st.lists(st.integers(0, 2**40), max_size=3))
def test_a_time_in_the_future_makes_nothing_younger(now_s: int, ahead_s: int, times_s: list[int]) -> None:
    without = age_s(now_s, *times_s)
    assert age_s(now_s, *times_s, now_s + ahead_s) == (math.inf if without is None else without)
