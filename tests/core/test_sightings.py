"""Folding sightings into minutes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.identifiers import Beacon
from bluezone_agent.core.sightings import MinuteFold, pack_histogram, unpack_histogram

BEACON = Beacon("gaen", bytes(16), bytes(4))
SIGHTING = st.tuples(st.integers(-120, -1), st.floats(0, 600, exclude_max=True))


@given(st.lists(SIGHTING, min_size=1))
def test_a_minute_keeps_count_extremes_and_power_mean(sightings: list[tuple[int, float]]) -> None:
    fold = MinuteFold()
    for rssi, at in sightings:
        fold.add(BEACON, rssi, at, trusted=True)
    minutes = fold.drain()
    assert [m.minute for m in minutes] == sorted({int(at // 60) for _, at in sightings})
    for m in minutes:
        heard = [rssi for rssi, at in sightings if at // 60 == m.minute]
        assert (m.count, m.min_dbm, m.max_dbm) == (len(heard), min(heard), max(heard))
        assert sum(m.histogram.values()) == m.count
        assert m.mean_dbm == pytest.approx(10 * math.log10(sum(10 ** (r / 10) for r in heard) / len(heard)))
    assert len(fold) == 0


def test_only_minutes_that_are_over_are_handed_over() -> None:
    fold = MinuteFold()
    fold.add(BEACON, -50, 59.9, trusted=True)
    fold.add(BEACON, -60, 60.0, trusted=True)
    assert [m.minute for m in fold.drain(before_minute=1)] == [0]
    assert len(fold) == 1


def test_one_untrusted_sighting_makes_the_minute_untrusted() -> None:
    fold = MinuteFold()
    fold.add(BEACON, -50, 1, trusted=True)
    fold.add(BEACON, -50, 2, trusted=False)
    assert [m.trusted for m in fold.drain()] == [False]


@pytest.mark.parametrize("rssi", [127, 0, 5, -121, -127])
def test_a_value_that_is_no_reception_is_refused(rssi: int) -> None:
    with pytest.raises(ValueError, match="not a reception"):
        MinuteFold().add(BEACON, rssi, 0, trusted=True)


@given(st.dictionaries(st.integers(-40, -1), st.integers(1, 0xFFFF)))
def test_histogram_round_trip(histogram: dict[int, int]) -> None:
    assert unpack_histogram(pack_histogram(histogram)) == histogram
