"""The outbox: the newest of each kind, changes of listening in their order, nothing lost by a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.clock_state import ClockState, ClockTimeline
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Broadcasting, Committed, Record, Started
from bluezone_agent.core.pauses import Mode, Pause
from bluezone_agent.stores.outbox import MOST_SPANS, FutureKeys, Item, Outbox, PauseEnded, SpanStarts
from bluezone_agent.stores.store import Store

PAUSE = Pause(Mode.PAUSED, 60, "boot", 60, 1060, clock_trusted=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def clock_state(high_water_s: float) -> ClockState:
    return ClockState(ClockTimeline("boot", 0.0, 1.0, high_water_s), None, None)


ITEMS = st.one_of(
    st.builds(Started, st.integers(0, 99)),
    st.builds(Committed, st.integers(0, 99)),
    st.builds(clock_state, st.integers(0, 99)),
    st.builds(SpanStarts, st.integers(0, 99), st.just("active")),
    st.builds(PauseEnded, st.just(PAUSE)),
    st.builds(FutureKeys, st.integers(0, 99)),
)


@given(st.lists(ITEMS, max_size=30))
def test_changes_of_listening_are_kept_in_order_and_the_newest_of_every_other_kind(items: list[Item]) -> None:
    outbox = Outbox()
    for item in items:
        outbox.add([item])
    waiting = outbox.waiting()
    spans = [item for item in items if isinstance(item, SpanStarts)]
    assert waiting[: len(spans)] == spans, "before the journal, which tells until when the newest span lasts"
    others = waiting[len(spans) :]
    assert {type(item): item for item in others} == {
        type(item): item for item in items if not isinstance(item, SpanStarts)
    }
    assert len(others) == len({type(item) for item in others})
    outbox.remove(waiting)
    assert outbox.waiting() == []


def test_it_is_bounded_and_claims_nothing_of_what_it_dropped() -> None:
    outbox = Outbox()
    for number in range(3 * MOST_SPANS):
        outbox.add([SpanStarts(number, "active" if number % 2 else "")])
    first, *others = outbox.waiting()
    assert len(others) == MOST_SPANS - 1
    assert first == SpanStarts(2 * MOST_SPANS, "", resumes=True), "the span before it must not be stretched"
    assert others[-1] == SpanStarts(3 * MOST_SPANS - 1, "active")


def test_everything_is_written_at_the_beginning_of_the_next_transaction(store: Store) -> None:
    with store.transaction():
        store.pauses.set(PAUSE)
        for day in range(3):
            key = DailyKey("gaen", bytes([day]) * 16, day * DAY_S, (day + 1) * DAY_S, 144)
            store.keys.add(key, last_slot_s=key.starts_at_s, exportable=True, closed=True)
    store.enqueue(Started(5), clock_state(7.0), SpanStarts(900, "active", resumes=True), PauseEnded(PAUSE))
    store.enqueue(SpanStarts(950, "", "lost"), Started(6), FutureKeys(DAY_S))
    assert (store.journal.get(Started), store.pauses.current()) == (None, PAUSE)
    with store.transaction():
        assert store.journal.get(Started) == Started(6)
        store.listening.extend(1000)
    assert store.pauses.current() is None
    assert [own.key.starts_at_s for own in store.keys.all()] == [0, DAY_S]
    assert store.timelines.clock_state().timeline == clock_state(7.0).timeline
    assert [(s.starts_at_s, s.ends_at_s, s.reason) for s in store.listening.since(0)] == [
        (900, 950, ""),
        (950, 1000, "lost"),
    ]


def fail(store: Store, *during: Record) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.enqueue(*during)
        raise RuntimeError


def test_what_a_transaction_could_not_write_waits_for_the_next(store: Store) -> None:
    store.enqueue(Started(5), SpanStarts(900, "active"))
    fail(store)
    assert store.journal.get(Started) is None
    store.post(Committed(950))
    assert store.journal.get(Started) == Started(5)
    assert [(s.starts_at_s, s.ends_at_s) for s in store.listening.since(0)] == [(900, 950)], "once"


def test_what_is_enqueued_during_a_transaction_is_not_lost_with_it(store: Store) -> None:
    store.enqueue(Broadcasting(5, 6))
    fail(store, Broadcasting(7, 8))
    with store.transaction():
        store.enqueue(Broadcasting(9, 10))
    assert store.journal.get(Broadcasting) == Broadcasting(7, 8)
    store.post()
    assert store.journal.get(Broadcasting) == Broadcasting(9, 10)
