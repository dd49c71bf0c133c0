"""A power cut at any moment: the file is whole, and what was committed is in it.

The writes and syncs are those of the real agent's process; every state that they may leave on a disk is opened by the
real store (tests/faults/disk.py).
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from bluezone_agent.core import passphrases
from bluezone_agent.errors import AgentError
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import daily_key
from tests.faults import numbered
from tests.faults.disk import Disk, Event, Said, record

pytestmark = pytest.mark.slow

START_S = 1_806_580_800
KEYS = [daily_key(days_ago=days_ago, number=days_ago) for days_ago in range(14, 0, -1)]
PASSPHRASE = "six words that nobody would guess"

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, to see what reaches the disk")


def events_of_an_agent(folder: Path, minutes: int, *pragmas: str) -> list[Event]:
    """Return what an agent does to its disk from its first start on, a stop and another start included."""
    state_dir, events = folder / "state", list[Event]()
    for run in range(2):
        command = [sys.executable, "-m", "tests.faults.daemon", str(state_dir), str(START_S + 3600 * run)]
        command += [str(1000 * run), str(minutes), *pragmas]
        events += record(command, state_dir, folder / "strace.log")
    return events


@dataclass
class Outcome:
    states: int = 0
    corrupt: int = 0
    lost: int = 0


def enumerated(events: list[Event], *, torn: int, most: int) -> Outcome:
    """Cut the power after every event, or after so many that ``most`` states come of it; open what is left."""
    outcome, random = Outcome(), Random(1)
    with scratch_folder() as scratch:
        for files, acknowledged in _cuts(events, random, torn):
            if outcome.states == most:
                break
            outcome.states += 1
            _open(scratch / str(outcome.states), files, acknowledged, outcome)
    return outcome


def _cuts(events: list[Event], random: Random, torn: int) -> Iterator[tuple[dict[str, bytearray], set[int]]]:
    disk, acknowledged, first = Disk(), set[int](), 0
    for event in events:
        disk.apply(event)
        if isinstance(event, Said):
            what, value = event.text.split()
            if what == "ACK":
                first = int(value) // 1000 * 1000
                acknowledged |= set(range(first, int(value) + 1))
            continue
        for files in disk.after_an_early_end(random, torn):
            yield files, acknowledged


@contextmanager
def opened_after(folder: Path, files: dict[str, bytearray]) -> Iterator[Store]:
    """Open the store of which a disk holds ``files``."""
    folder.mkdir(mode=0o700)
    for name, data in files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(data)
    try:
        with Store(folder) as store:
            yield store
    finally:
        shutil.rmtree(folder)


def _open(folder: Path, files: dict[str, bytearray], acknowledged: set[int], outcome: Outcome) -> None:
    try:
        with opened_after(folder, files) as store:
            if store._db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                outcome.corrupt += 1
            elif not acknowledged <= set(numbered.numbers(store)):
                outcome.lost += 1
    except AgentError:
        outcome.corrupt += 1


@needs_strace
@pytest.mark.timeout(7200)
def test_no_state_is_corrupt_and_nothing_committed_is_lost(tmp_path: Path, long: bool) -> None:
    events = events_of_an_agent(tmp_path, 120 if long else 8)
    outcome = enumerated(events, torn=40 if long else 5, most=100_000 if long else 3_500)
    print(outcome)
    assert outcome.states >= (20_000 if long else 2_000)
    assert (outcome.corrupt, outcome.lost) == (0, 0)


@needs_strace
@pytest.mark.timeout(3600)
def test_without_a_sync_at_each_commit_the_same_enumeration_shows_losses(tmp_path: Path) -> None:
    """The control: an enumerator that finds nothing here sees nothing."""
    events = events_of_an_agent(tmp_path, 8, "synchronous=NORMAL")
    outcome = enumerated(events, torn=1, most=1_500)
    print(outcome)
    assert outcome.lost > 20


SEALS = """
import os, sys
from pathlib import Path
from bluezone_agent.core import passphrases
from bluezone_agent.stores.store import Store
from tests.faults.test_power_loss import KEYS, PASSPHRASE
passphrases.SCRYPT_N = 2
with Store(Path(sys.argv[1])) as store:
    with store.transaction():
        for key in KEYS:
            store.keys.add(key, last_slot_s=key.starts_at_s, exportable=True)
    os.write(1, b"kept\\n")
    store.encrypt(PASSPHRASE)
    os.write(1, b"sealed\\n")
"""


@needs_strace
def test_keys_that_are_being_sealed_are_all_plain_or_all_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passphrases, "SCRYPT_N", 2)
    state_dir = tmp_path / "state"
    events = record([sys.executable, "-c", SEALS, str(state_dir)], state_dir, tmp_path / "strace.log")
    disk, said, found = Disk(), "", Counter[bool]()
    for event in events:
        disk.apply(event)
        if isinstance(event, Said):
            said = event.text
        for files in disk.after_an_early_end(Random(1), 10) if said else ():
            with opened_after(tmp_path / "cut", files) as store:
                found[store.keys.encrypted] += 1
                assert store.keys.encrypted or said == "kept"
                if store.keys.encrypted:
                    store.keys.unlock(PASSPHRASE)
                assert [own.key for own in store.keys.all()] == KEYS
    assert min(found[False], found[True]) > 50
