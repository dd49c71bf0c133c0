"""kill -9 of the whole agent at random moments: what was committed stays, and no identifier is on the air twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.store import Store
from tests.faults import numbered
from tests.program import Program

pytestmark = pytest.mark.slow

START_S = 1_806_580_800
A_DAY_MIN = 1440


def said_before_the_kill(state_dir: Path, run: int, first: int, after_s: float) -> Iterator[tuple[str, str]]:
    """Start the agent in a process, kill it ``after_s`` after its first word, and yield what it had said."""
    command = [sys.executable, "-m", "tests.faults.daemon", str(state_dir)]
    command += [str(START_S + 60 * run), str(first), str(A_DAY_MIN)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = [child.stdout.readline()]
        time.sleep(after_s)
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL, f"it ended by itself: {said}"
    for line in said:
        if line.endswith("\n"):
            what, value = line.split()
            yield what, value


@pytest.mark.timeout(3600)
def test_nothing_committed_is_lost_and_no_identifier_is_used_twice(tmp_path: Path, long: bool) -> None:
    random, kills = Random(1), 200 if long else 12
    state_dir, acknowledged, on_air, first = tmp_path / "state", set[int](), list[str](), 0
    for run in range(kills):
        last = first - 1
        after_s = 0.0 if run % 3 else random.uniform(0.1, 0.5)  # within its first slot, or days later
        for what, value in said_before_the_kill(state_dir, run, first, after_s):
            if what == "AIR":
                on_air.append(value)
            else:
                last = max(last, int(value))
        acknowledged |= set(range(first, last + 1))
        first = last + 1_000_000  # whoever was heard and not acknowledged may be there or not
        with closing(sqlite3.connect(state_dir / FILE_NAME)) as db, db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Store(state_dir) as store:
        kept = numbered.numbers(store)
    print(f"{kills} kills, {len(acknowledged)} people acknowledged, {len(on_air)} identifiers on the air")
    assert acknowledged <= set(kept), f"{len(acknowledged - set(kept))} of {len(acknowledged)} were lost"
    assert len(kept) == len(set(kept))
    assert len(acknowledged) > 20 * kills, "most were killed before they had committed anything"
    assert len(on_air) >= kills
    assert len(set(on_air)) == len(on_air), "an identifier was on the air again"


@pytest.mark.timeout(3600)
def test_the_command_itself_starts_again_after_every_kill(program: Program, long: bool) -> None:
    """As a power cut or the out-of-memory killer ends it: in real time, with its own loop, lock and signal handlers."""
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    random, rotations = Random(2), 0
    for _ in range(50 if long else 5):
        agent = program.start("run")
        time.sleep(random.uniform(0.4, 2.0))
        os.kill(agent.pid, signal.SIGKILL)
        said = agent.communicate()[1]
        assert agent.returncode == -signal.SIGKILL, said
        rotations += said.count("identifier_rotated")
    with Store(program.state_dir) as store:
        assert store._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        keys = store.keys.all()
    assert rotations >= 1
    assert len(keys) >= rotations, "every start within a slot draws a key of its own"
    assert sum(not own.closed for own in keys) == 1
