"""Folding sightings into minutes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.sightings import (
    ADMITTED,
    MOST_A_MINUTE,
    SEEN_ONCE,
    TALLIED,
    BootTime,
    MinuteFold,
    pack_histogram,
    unpack_histogram,
)

OBSERVED = ObservedIdentifier("gaen", bytes(16), bytes(4))
SIGHTING = st.tuples(st.integers(-120, -1), st.floats(0, 600, exclude_max=True))


@given(st.lists(SIGHTING, min_size=1))
def test_a_minute_keeps_count_extremes_and_power_mean(sightings: list[tuple[int, float]]) -> None:
    fold = MinuteFold()
    for rssi, at in sightings:
        fold.add(OBSERVED, rssi, at, trusted=True)
    minutes = fold.drain()
    assert [m.minute for m in minutes] == sorted({int(at // 60) for _, at in sightings})
    for m in minutes:
        received = [rssi for rssi, at in sightings if at // 60 == m.minute]
        assert (m.count, m.min_dbm, m.max_dbm) == (len(received), min(received), max(received))
        assert sum(m.histogram.values()) == m.count
        assert m.mean_dbm == pytest.approx(10 * math.log10(sum(10 ** (r / 10) for r in received) / len(received)))
    assert len(fold) == 0


def test_only_minutes_that_are_over_are_handed_over() -> None:
    fold = MinuteFold()
    fold.add(OBSERVED, -50, 59.9, trusted=True)
    fold.add(OBSERVED, -60, 60.0, trusted=True)
    assert [m.minute for m in fold.drain(still_open=1)] == [0]
    assert len(fold) == 1


def test_a_minute_under_two_states_of_the_clock_is_two() -> None:
    fold = MinuteFold()
    fold.add(OBSERVED, -50, 1, trusted=True)
    fold.turn_to(0, trusted=False, began=BootTime("a", 600))
    fold.count(OBSERVED, -50)
    fold.turn_to(0, trusted=False, began=BootTime("a", 601))  # a look at another moment of the same minute
    fold.count(OBSERVED, -50)
    fold.turn_to(0, trusted=False, began=BootTime("a", 4200))  # the clock was set back by an hour
    fold.count(OBSERVED, -50)
    assert [(m.count, m.trusted, m.began) for m in fold.drain()] == [
        (1, True, None),
        (2, False, BootTime("a", 600)),
        (1, False, BootTime("a", 4200)),
    ]


def numbered(number: int) -> ObservedIdentifier:
    return ObservedIdentifier("gaen", number.to_bytes(16, "big"), bytes(4))


def test_of_a_crowd_those_are_kept_of_whom_most_power_came_and_the_rest_is_counted() -> None:
    fold = MinuteFold()
    for _ in range(30):
        fold.add(OBSERVED, -60, 1, trusted=True)
    for number in range(1, ADMITTED):
        fold.add(numbered(number), -50 if number % 2 else -90, 1, trusted=True)
    minutes = fold.drain()
    assert len(minutes) == MOST_A_MINUTE
    assert {m.max_dbm for m in minutes if m.observed != OBSERVED} == {-50}
    assert [m.count for m in minutes if m.observed == OBSERVED] == [30], "many weaker packets outweigh one"
    assert fold.take_dropped() == ADMITTED - 1 + 30 - sum(m.count for m in minutes)


@pytest.mark.slow
def test_in_a_flood_of_forged_identifiers_a_real_one_is_heard_every_minute() -> None:
    """10,000 a second, each once and as strong as the real one; that one sends four packets a second."""
    fold, forged = MinuteFold(), 0
    fold.turn_to(0, trusted=True)
    for _packet in range(40):
        for _ in range(2_500):
            forged += 1
            fold.count(numbered(forged), -60)
        fold.count(OBSERVED, -55)
        assert len(fold) <= TALLIED
    received = [m.count for m in fold.drain() if m.observed == OBSERVED]
    assert received == [39], "all but the first, which nobody could tell from a forged one"
    assert fold.take_dropped() == forged + 40 - 39 - (MOST_A_MINUTE - 1)


@pytest.mark.slow
def test_what_is_heard_of_a_flood_stays_within_bounds() -> None:
    fold = MinuteFold()
    fold.turn_to(0, trusted=True)
    for number in range(100_000):
        for _ in range(2):
            fold.count(numbered(number), -60)
    assert len(fold) == TALLIED
    assert len(fold._seen_once) + len(fold._seen_before) <= SEEN_ONCE
    assert len(fold.drain()) == MOST_A_MINUTE


@pytest.mark.parametrize("rssi", [127, 0, 5, -121, -127])
def test_a_value_that_is_no_reception_is_refused(rssi: int) -> None:
    with pytest.raises(ValueError, match="not a reception"):
        MinuteFold().add(OBSERVED, rssi, 0, trusted=True)


@given(st.dictionaries(st.integers(-40, -1), st.integers(1, 0xFFFF)))
def test_histogram_round_trip(histogram: dict[int, int]) -> None:
    assert unpack_histogram(pack_histogram(histogram)) == histogram
