"""Neither forged identifiers that do not last nor repeated ones cost anybody a contact, however many and strong."""

from __future__ import annotations

import os

import pytest

from tests.faults.suppression import (
    FIVE_A_MINUTE,
    FOUR_A_SECOND,
    MET_MIN,
    NOBODY,
    REPEATED_A_SECOND,
    REPEATED_DBM,
    Forger,
    Repeater,
    contact,
)

pytestmark = pytest.mark.slow

SEEDS = range(int(os.environ.get("BLUEZONE_SEEDS", "1")))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("every_s", [FOUR_A_SECOND, FIVE_A_MINUTE])
@pytest.mark.parametrize("rssi_dbm", [-35, -60, -90])
@pytest.mark.parametrize("a_minute", [400, 800, 4_000])
def test_a_contact_survives_who_forges_for_a_few_packets(
    seed: int, every_s: float, rssi_dbm: int, a_minute: int
) -> None:
    left = contact(seed, every_s, Forger(a_minute, rssi_dbm))
    assert left.minutes == MET_MIN
    assert left.warns, left


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("every_s", [FOUR_A_SECOND, FIVE_A_MINUTE])
@pytest.mark.parametrize("rssi_dbm", REPEATED_DBM)
def test_who_repeats_the_identifier_takes_less_than_a_minute_away(seed: int, every_s: float, rssi_dbm: int) -> None:
    """By our own rules, of half an hour at 48 dB on average."""
    without = contact(seed, every_s, NOBODY).weighted_by
    for a_second in REPEATED_A_SECOND:
        left = contact(seed, every_s, Repeater(rssi_dbm, a_second)).weighted_by
        assert left["bluezone"] >= without["bluezone"]
        assert left["learned"] > without["learned"] - 1


@pytest.mark.parametrize("every_s", [FOUR_A_SECOND, FIVE_A_MINUTE])
@pytest.mark.timeout(1800)
def test_a_contact_survives_100_000_forged_identifiers_a_minute(every_s: float, long: bool) -> None:
    if not long and every_s == FIVE_A_MINUTE:
        pytest.skip("takes minutes of CPU: --long; slower floods are tried with both rates above")
    packets = 3 if long else 1
    left = contact(1, every_s, Forger(100_000, -35, packets))
    assert left.minutes == MET_MIN
    assert left.warns, left
    assert left.dropped > 90_000 * MET_MIN * (1 + packets) / 2 * 0.9, "status can tell"
