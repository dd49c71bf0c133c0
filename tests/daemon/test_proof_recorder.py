"""A proof is written with whatever is written next: the newest, once, and not lost with a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.reception import Sighting
from bluezone_agent.daemon.proof_recorder import ProofRecorder
from bluezone_agent.health.broadcast_proof import read_proof
from bluezone_agent.stores.store import Store

AT_S = 1_600_000_000
OWN = ObservedIdentifier("gaen", b"o" * 16, b"")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def proof(second: int) -> Sighting:
    return Sighting(OWN, -40 - second % 10, AT_S + second, "adapter1")


def proved_at(store: Store) -> int | None:
    at_s = read_proof(store.journal).at_s
    return None if at_s is None else at_s - AT_S


def write_something(store: Store) -> None:
    with store.transaction():
        pass


def test_the_newest_proof_goes_with_the_next_write(store: Store) -> None:
    recorder = ProofRecorder(store)
    for second in range(300):
        recorder.received(proof(second))
    assert proved_at(store) is None
    assert len(store._outbox.waiting()) == 1, "a proof comes with every packet, and one waits"
    write_something(store)
    assert proved_at(store) == 299
    recorder.received(proof(400))
    write_something(store)
    assert proved_at(store) == 400


def test_a_proof_outlives_a_write_that_fails(store: Store) -> None:
    recorder = ProofRecorder(store)
    recorder.received(proof(1))
    with pytest.raises(ZeroDivisionError), store.transaction():
        raise ZeroDivisionError
    assert proved_at(store) is None
    write_something(store)
    assert proved_at(store) == 1


def test_after_a_write_that_failed_the_newest_is_written(store: Store) -> None:
    recorder = ProofRecorder(store)
    recorder.received(proof(1))
    with pytest.raises(ZeroDivisionError), store.transaction():
        raise ZeroDivisionError
    recorder.received(proof(2))
    write_something(store)
    assert proved_at(store) == 2
    assert store._outbox.waiting() == []
