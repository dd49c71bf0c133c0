"""Which sightings belong to a published key, and which of them count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, IdentifierSlot, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.matching import MATCH_TOLERANCE_S, ReceivedIdentifiers, match, may_match
from bluezone_agent.core.protocols import PROTOCOLS

SLOT = IdentifierSlot(b"identifier", 100_000, 100_600)
LATER = 1_000_000


def packed(protocol: ProximityProtocol, identifiers: list[bytes]) -> ReceivedIdentifiers:
    return ReceivedIdentifiers(b"".join(identifiers), protocol.identifier_length)


@given(
    protocol=st.sampled_from(sorted(PROTOCOLS)),
    numbers=st.lists(st.integers(0, 5), max_size=4, unique=True),
    slots=st.lists(st.integers(1, 200), min_size=6, max_size=6),
    received=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 250)), max_size=12),
    strangers=st.lists(st.binary(min_size=12, max_size=12), max_size=3),
)
def test_it_finds_what_a_comparison_of_everything_finds(
    protocol: str,
    numbers: list[int],
    slots: list[int],
    received: list[tuple[int, int]],
    strangers: list[bytes],
) -> None:
    p = PROTOCOLS[protocol]
    slot_s = DAY_S // p.slots_per_day

    def key(number: int, length: int) -> DailyKey:
        return DailyKey(protocol, bytes([number]) * p.key_length, 0, length * slot_s, p.slots_per_day)

    published = [DiagnosisKey(key(n, slots[n])) for n in numbers]
    on_the_air = {n: list(p.slots(key(n, 251))) for n, _ in received}
    identifiers = [on_the_air[n][slot].identifier for n, slot in received]
    identifiers += [(stranger + bytes(4))[: p.identifier_length] for stranger in strangers]
    naive = [
        (diagnosis, slot, index)
        for diagnosis in published
        for slot in p.slots(diagnosis.key)
        for index, identifier in enumerate(identifiers)
        if slot.identifier == identifier
    ]
    assert list(match(p, published, packed(p, identifiers))) == naive
    assert len(naive) == sum(n in numbers and slot < slots[n] for n, slot in received)


def test_nothing_heard_matches_nothing() -> None:
    key = DiagnosisKey(DailyKey("gaen", bytes(16), 0, DAY_S, 144))
    assert list(match(PROTOCOLS["gaen"], [key], ReceivedIdentifiers(b"", 16))) == []


@pytest.mark.parametrize(
    ("at_s", "counts"),
    [
        (100_000 - 7201, False),
        (100_000 - 7200, True),
        (100_000 - 119 * 60, True),
        (100_300, True),
        (100_600 + 119 * 60, True),
        (100_600 + 7200, True),
        (100_600 + 7201, False),
        (100_600 + 121 * 60, False),
    ],
)
def test_a_sighting_may_miss_the_slot_by_two_hours_and_no_more(at_s: int, counts: bool) -> None:
    assert MATCH_TOLERANCE_S == 7200
    assert may_match(SLOT, at_s, LATER) is counts


@pytest.mark.parametrize(("published_at_s", "counts"), [(100_299, False), (100_300, False), (100_301, True)])
def test_a_sighting_after_publication_never_counts(published_at_s: int, counts: bool) -> None:
    assert may_match(SLOT, 100_300, published_at_s) is counts
