"""Folding sightings into minutes."""

import math
import os
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.recently_received import FORGOTTEN_S, RecentlyReceived
from bluezone_agent.core.sightings import (
    ADMITTED,
    MOST_A_MINUTE,
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
    fold.count(OBSERVED, -50, 1)
    fold.turn_to(0, trusted=False, began=BootTime("a", 601))  # a look at another moment of the same minute
    fold.count(OBSERVED, -50, 1)
    fold.turn_to(0, trusted=False, began=BootTime("a", 4200))  # the clock was set back by an hour
    fold.count(OBSERVED, -50, 1)
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
def test_in_a_flood_of_forged_identifiers_a_real_one_is_received_every_minute() -> None:
    """10,000 a second, each once and stronger than the real one; that one sends four packets a second."""
    fold, forged = MinuteFold(), 0
    for minute in range(3):
        fold.turn_to(minute, trusted=True)
        for quarter in range(240):
            at_s = minute * 60 + quarter / 4
            for _ in range(2_500):
                forged += 1
                fold.count(numbered(forged), -40, at_s)
            fold.count(OBSERVED, -55, at_s)
            assert len(fold) <= TALLIED
        counts = [m.count for m in fold.drain() if m.observed == OBSERVED]
        assert counts == [240] if minute else counts[0] > 60, "196 where it is not forgotten meanwhile"


@pytest.mark.slow
def test_what_is_received_of_a_flood_stays_within_bounds() -> None:
    """More identifiers that last than are counted."""
    fold = MinuteFold()
    for minute in range(3):
        fold.turn_to(minute, trusted=True)
        for second in (0, 20, 40):
            for number in range(20_000):
                fold.count(numbered(number), -60, minute * 60 + second)
        assert TALLIED <= len(fold) <= TALLIED + MOST_A_MINUTE
        assert len(fold.drain()) == MOST_A_MINUTE


SEEDS = range(int(os.environ.get("BLUEZONE_SEEDS", "5")))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_forged_for_three_packets_within_ten_seconds_displaces_nobody_who_lasts(seed: int) -> None:
    """Also where its packets lie on both sides of the end of a minute."""
    random, fold = Random(seed), MinuteFold()
    packets = [(t + random.random(), OBSERVED, random.randrange(-95, -80)) for t in range(0, 300, 12)]
    for number in range(1, 300 // 60 * random.choice((400, 800, 3_000))):
        first_s = random.uniform(0, 300)
        packets += [
            (first_s + random.uniform(0, 10), numbered(number), random.randrange(-45, -35))
            for _ in range(random.randint(1, 3))
        ]
    minutes: list[list[int]] = []
    for at_s, observed, rssi_dbm in sorted(packets):
        if at_s // 60 > len(minutes):
            minutes.append([m.count for m in fold.drain(still_open=int(at_s // 60)) if m.observed == OBSERVED])
        fold.add(observed, rssi_dbm, at_s, trusted=True)
    assert list(map(len, minutes)) == [1] * 5
    assert sum(map(sum, minutes)) >= 5 * 5 - 1, "all but the first packet, where there were 1,000 others at once"


def test_who_lasts_only_together_with_the_minute_before_goes_before_who_does_not() -> None:
    fold = MinuteFold()
    fold.add(OBSERVED, -90, 30, trusted=True)
    fold.add(OBSERVED, -90, 50, trusted=True)
    fold.add(OBSERVED, -90, 61, trusted=True)
    for number in range(1, MOST_A_MINUTE + 1):
        fold.add(numbered(number), -40, 62, trusted=True)
    assert [m.count for m in fold.drain() if m.observed == OBSERVED] == [2, 1]
    fold.add(OBSERVED, -90, 3_600, trusted=True)
    for number in range(1, MOST_A_MINUTE + 1):
        fold.add(numbered(number), -40, 3_601, trusted=True)
    assert OBSERVED not in {m.observed for m in fold.drain()}, "an hour later it is anybody"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), max_size=20))
def test_the_age_of_an_identifier_is_that_of_its_row_of_packets(packets: list[tuple[int, int]]) -> None:
    """A row ends with a silence; a time that goes back begins another."""
    received, first_s = RecentlyReceived(), dict[int, int]()
    at_s = 5_000
    for who, later_s in packets:
        at_s += later_s
        if at_s - first_s.get(who, -1_000) > FORGOTTEN_S:
            first_s[who] = at_s
        assert received.age_s(numbered(who), at_s) == at_s - first_s[who]


@pytest.mark.parametrize("rssi", [127, 0, 5, -121, -127])
def test_a_value_that_is_no_reception_is_refused(rssi: int) -> None:
    with pytest.raises(ValueError, match="not a reception"):
        MinuteFold().add(OBSERVED, rssi, 0, trusted=True)


@given(st.dictionaries(st.integers(-40, -1), st.integers(1, 0xFFFF)))
def test_histogram_round_trip(histogram: dict[int, int]) -> None:
    assert unpack_histogram(pack_histogram(histogram)) == histogram
