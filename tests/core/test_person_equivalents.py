"""Identifiers change, people do not: what is counted is people, and never too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.person_equivalents import MINUTES_OF_AN_HOUR, IdentifierCount, PersonCount
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.scenarios.day import simulate
from bluezone_agent.stores.contact_summaries import ContactSummaries
from bluezone_agent.stores.contacts import Contacts
from bluezone_agent.stores.file.connection import MEMORY, connect
from bluezone_agent.stores.file.image import load
from bluezone_agent.stores.file.open import bring_up_to_date

START_MIN = 30_000_000
Received = Mapping[int, Sequence[bytes]]
"""Minute → identifiers."""


@cache
def empty_store() -> bytes:
    with closing(connect(MEMORY)) as db:
        bring_up_to_date(db)
        return db.serialize()


def stored(received: Received) -> list[IdentifierCount]:
    """Return the counts that a store in memory gives for what was received."""
    with closing(connect(MEMORY)) as db:
        load(db, empty_store())
        contacts = Contacts(db)
        for minute in sorted(received):
            contacts.add([contact_minute(minute, identifier) for identifier in received[minute]])
        return ContactSummaries(db).identifier_counts(0)


def contact_minute(minute: int, identifier: bytes) -> ContactMinute:
    observed = ObservedIdentifier("gaen", identifier, b"")
    return ContactMinute(observed, minute, 1, -60.0, -60, -60, {-20: 1}, trusted=True)


def shown(
    person: int, first: int, last: int, slot_min: int, phase: int, *, overlap: bool = True
) -> dict[int, list[bytes]]:
    """Return what a person's device shows in each minute: in the one of a change the old and the new identifier."""
    found: dict[int, list[bytes]] = {}
    for minute in range(first, last + 1):
        slot, within = divmod(minute + phase, slot_min)
        slots = [slot - 1, slot] if overlap and within == 0 and minute > first else [slot]
        found[minute] = [bytes([person]) * 8 + s.to_bytes(8, "big") for s in slots]
    return found


def together(*people: Mapping[int, list[bytes]]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for person in people:
        for minute, identifiers in person.items():
            found.setdefault(minute, []).extend(identifiers)
    return found


def an_hour(people: Sequence[tuple[int, int]], *, overlap: bool) -> tuple[PersonCount, int]:
    """Return what is counted in an hour in the midst of a time with the same people, and the number of identifiers."""
    first, last = START_MIN - 15, START_MIN + MINUTES_OF_AN_HOUR + 15
    received = together(
        *(shown(n, first, last, slot, phase, overlap=overlap) for n, (slot, phase) in enumerate(people))
    )
    within = range(START_MIN, START_MIN + MINUTES_OF_AN_HOUR)
    count = PersonCount.of(c for c in stored(received) if c.minute in within)
    return count, len({i for minute in within for i in received.get(minute, ())})


PEOPLE = st.lists(st.tuples(st.sampled_from((10, 15)), st.integers(0, 14)), max_size=12)
"""For each the minutes of a slot, and when it changes."""


@given(PEOPLE)
def test_people_who_are_always_there_are_as_many_as_they_are(people: list[tuple[int, int]]) -> None:
    """Whatever the protocol, and whenever each changes: n people, n at least, n person-equivalents in the hour."""
    count, identifiers = an_hour(people, overlap=True)
    assert count.at_least == len(people)
    assert count.person_equivalents == len(people)
    assert len(people) * 4 <= identifiers, "these are many more"


@given(PEOPLE)
def test_a_change_between_two_minutes_costs_a_minute_at_most(people: list[tuple[int, int]]) -> None:
    """Then one person's old identifier may be taken for a pair with another one's new identifier."""
    count, identifiers = an_hour(people, overlap=False)
    true = len(people) * MINUTES_OF_AN_HOUR
    assert true - identifiers <= count.person_minutes <= true


@given(st.integers(0, 12), st.integers(0, 14), st.booleans())
def test_people_who_change_together_are_as_many_as_they_are(n: int, phase: int, overlap: bool) -> None:
    """As devices of Exposure Notification do, whose slots begin at the same moment everywhere."""
    count, _identifiers = an_hour([(10, phase)] * n, overlap=overlap)
    assert (count.at_least, count.person_equivalents) == (n, n)


@given(
    st.lists(
        st.tuples(st.sampled_from((10, 15)), st.integers(0, 14), st.integers(0, 90), st.integers(0, 90)), max_size=8
    ),
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 90))),
)
def test_it_is_never_too_many(people: list[tuple[int, int, int, int]], lost: set[tuple[int, int]]) -> None:
    """People come and go, and some of their minutes are lost."""
    each = [
        {
            minute: its
            for minute, its in shown(n, START_MIN + min(a, b), START_MIN + max(a, b), slot, phase).items()
            if (n, minute - START_MIN) not in lost
        }
        for n, (slot, phase, a, b) in enumerate(people)
    ]
    true = Counter(minute for its in each for minute in its)
    counts = stored(together(*each))
    assert all(1 <= count.persons <= true[count.minute] for count in counts)
    assert PersonCount.of(counts).minutes == len(true)


def test_nobody_is_nobody() -> None:
    assert PersonCount.of([]) == PersonCount(0, 0, 0)


@pytest.mark.parametrize(
    ("count", "persons"),
    [
        (IdentifierCount(0, 3, 0, 0, 0), 3),
        (IdentifierCount(0, 3, 1, 1, 0), 2),
        (IdentifierCount(0, 2, 1, 0, 1), 1),
        (IdentifierCount(0, 2, 0, 0, 2), 1),
        (IdentifierCount(0, 5, 2, 1, 2), 3),
    ],
)
def test_pairs_are_one_person(count: IdentifierCount, persons: int) -> None:
    assert count.persons == persons


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["bluezone", "gaen"])
def test_on_the_simulated_air_it_is_what_docs_say(protocol: str) -> None:
    """The device of each of the six people, over a day: docs/how-it-works.md."""
    for verdict in simulate(1, protocol).verdicts:
        true = Counter(minute for its in verdict.received.values() for minute in its)
        assert verdict.counted.minutes == len(true)
        assert verdict.counted.at_least == max(true.values())
        assert 0.99 * sum(true.values()) <= verdict.counted.person_minutes <= sum(true.values())
