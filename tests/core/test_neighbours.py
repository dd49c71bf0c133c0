"""Who is near now: bounded, gone after 30 s, and under names that nobody can link."""

from __future__ import annotations

from itertools import count, pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.attenuation import CLOSE_DB, MIDDLE_DB, Closeness, closeness
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.live_line import Neighbour, masked
from bluezone_agent.core.neighbours import (
    GONE_S,
    LETTERS,
    MOST_KNOWN,
    MOST_SHOWN,
    PSEUDONYM_LETTERS,
    Neighbours,
    pseudonym,
)
from bluezone_agent.core.recently_received import SPREAD_S

SECRET: Final = bytes(range(32))
ASSUMED_DBM: Final = -25

identifiers = st.builds(ObservedIdentifier, st.just("gaen"), st.binary(min_size=16, max_size=16), st.just(b"meta"))
packets = st.lists(
    st.tuples(st.integers(0, 5), st.integers(-100, -30), st.floats(0, 20, allow_nan=False)), min_size=1, max_size=60
)


def device(number: int, protocol: str = "gaen", metadata: bytes = b"meta") -> ObservedIdentifier:
    return ObservedIdentifier(protocol, number.to_bytes(12, "big"), metadata)


def near(table: Neighbours, up_s: float, correction_db: float = 0.0) -> tuple[Neighbour, ...]:
    return table.near(up_s, assumed_tx_power_dbm=ASSUMED_DBM, rssi_correction_db=correction_db)[0]


@given(packets)
def test_exactly_those_of_the_last_30_s_are_near(sightings: list[tuple[int, int, float]]) -> None:
    table, up_s, last_s = Neighbours(SECRET), 0.0, {}
    for number, rssi_dbm, later_s in sightings:
        up_s += later_s
        table.received(device(number), rssi_dbm, up_s)
        last_s[number] = up_s
        expected = {pseudonym(SECRET, device(n)) for n, at_s in last_s.items() if up_s - at_s <= GONE_S}
        assert {n.pseudonym for n in near(table, up_s)} == expected
    assert near(table, up_s + GONE_S + 0.01) == ()
    assert len(table) == 0, "nor is it remembered"


@given(packets)
def test_the_smoothed_power_lies_between_the_weakest_and_the_strongest(sightings: list[tuple[int, int, float]]) -> None:
    table, up_s = Neighbours(SECRET), 0.0
    for _number, rssi_dbm, later_s in sightings:
        up_s += min(later_s, GONE_S)
        table.received(device(0), rssi_dbm, up_s)
    (found,) = near(table, up_s)
    powers = [rssi_dbm for _number, rssi_dbm, _later_s in sightings]
    assert min(powers) - 0.1 <= found.rssi_dbm <= max(powers) + 0.1
    assert found.packets == len(sightings)


def test_who_comes_nearer_is_near_within_10_s_and_one_odd_packet_changes_little() -> None:
    table = Neighbours(SECRET)
    for tick in range(40):
        table.received(device(0), -95, tick / 4)
    table.received(device(0), -85, 10.0)
    assert near(table, 10.0)[0].rssi_dbm < -92
    for tick in range(40, 80):
        table.received(device(0), -60, tick / 4)
    assert near(table, 20.0)[0].closeness is Closeness.CLOSE
    for tick in range(80, 120):
        table.received(device(0), -95, tick / 4)
    assert near(table, 30.0)[0].closeness is Closeness.FAR, "and far as soon when it moves away"


def test_who_returns_has_the_same_name_and_appears_anew() -> None:
    table = Neighbours(SECRET)
    table.received(device(0), -60, 0.0)
    (before,) = near(table, 0.0)
    table.received(device(0), -90, 100.0)
    (after,) = near(table, 101.0)
    assert after.pseudonym == before.pseudonym
    assert (after.rssi_dbm, after.packets, after.appeared_s, after.received_s) == (-90.0, 1, 1.0, 1.0)


@given(identifiers, identifiers, st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_names_are_short_stable_and_of_one_run(
    one: ObservedIdentifier, other: ObservedIdentifier, secret: bytes, later: bytes
) -> None:
    name = pseudonym(secret, one)
    assert len(name) == PSEUDONYM_LETTERS
    assert set(name) <= set(LETTERS)
    assert name == pseudonym(secret, one)
    if secret != later:
        assert name != pseudonym(later, one), "another run, another name"
    if one != other:
        assert name != pseudonym(secret, other)


def test_names_tell_nothing_of_which_identifiers_belong_together() -> None:
    """Identifiers that differ in one bit have names that agree as rarely as any two."""
    names = [pseudonym(SECRET, device(n)) for n in range(2000)]
    assert len(set(names)) > 1990
    agreeing = sum(a == b for one, two in pairwise(names) for a, b in zip(one, two, strict=True))
    expected = 1999 * PSEUDONYM_LETTERS / len(LETTERS)
    assert agreeing == pytest.approx(expected, rel=0.25)


def test_a_flood_of_forged_identifiers_is_bounded_and_hides_nobody_who_was_there() -> None:
    table, forged = Neighbours(SECRET), count(1000)
    for tick in range(4 * 60):
        up_s = tick / 4
        table.received(device(0), -80, up_s)
        if up_s > 20:
            table.received(device(1), -70, up_s)  # comes when the flood runs
        if up_s > 15:
            for _ in range(500):  # 2,000 a second, each once
                table.received(device(next(forged)), -40, up_s)
        assert len(table) <= MOST_KNOWN
    names = [n.pseudonym for n in near(table, 60.0)]
    assert len(names) <= MOST_SHOWN
    assert pseudonym(SECRET, device(0)) in names
    assert pseudonym(SECRET, device(1)) in names, "later, since it lasts"


def test_a_newcomer_in_a_flood_is_seen_once_it_lasts() -> None:
    table = Neighbours(SECRET)
    for number in range(MOST_SHOWN):
        table.received(device(10 + number), -90, 0.0)
    seen_s = None
    for tick in range(4 * 20):
        table.received(device(0), -60, 1 + tick / 4)
        if seen_s is None and near(table, 1 + tick / 4)[0].pseudonym == pseudonym(SECRET, device(0)):
            seen_s = tick / 4
    assert seen_s is not None
    assert SPREAD_S < seen_s <= SPREAD_S + 1.25


def test_of_forged_ones_that_last_the_strongest_stay_and_the_others_are_counted() -> None:
    table = Neighbours(SECRET)
    for second in range(40):
        for number in range(2 * MOST_KNOWN):
            table.received(device(10 + number), -90, second + number / 10_000)
        table.received(device(0), -60, second + 0.9)
    found, more = table.near(39.95, assumed_tx_power_dbm=ASSUMED_DBM)
    assert len(found) == MOST_SHOWN
    assert 0 < more <= MOST_KNOWN - MOST_SHOWN
    assert found[0].pseudonym == pseudonym(SECRET, device(0))


@pytest.mark.parametrize(
    ("observed", "correction_db", "attenuation_db"),
    [
        (device(0), 0.0, 45.0),
        (device(0), 3.0, 42.0),
        (device(0, "bluezone", b""), 0.0, 45.0),
        (device(0, "bluezone", (-12).to_bytes(1, "big", signed=True)), 0.0, 58.0),
    ],
)
def test_the_attenuation_is_that_of_an_exposure(
    observed: ObservedIdentifier, correction_db: float, attenuation_db: float
) -> None:
    table = Neighbours(SECRET)
    table.received(observed, -70, 0.0)
    assert near(table, 0.0, correction_db)[0].attenuation_db == attenuation_db


def test_the_bands_are_those_of_the_contact_history() -> None:
    assert [closeness(db) for db in (0, CLOSE_DB, CLOSE_DB + 0.1, MIDDLE_DB, MIDDLE_DB + 0.1, 120)] == [
        *(Closeness.CLOSE, Closeness.CLOSE),
        *(Closeness.MEDIUM, Closeness.MEDIUM),
        *(Closeness.FAR, Closeness.FAR),
    ]


def test_the_own_code_shows_two_bytes() -> None:
    assert masked(bytes(range(16))) == "****0e0f"
