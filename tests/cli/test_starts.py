"""Starts and stops of the daemon, many at once and at any moment, and what the journal gets."""

from __future__ import annotations

import re
import signal
import subprocess
import time

import pytest

from bluezone_agent.stores.store import Store
from tests.program import TIMEOUT_S, Program

AT_ONCE = 20


@pytest.fixture
def virtual(program: Program) -> Program:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    return program


def test_of_many_starts_at_once_exactly_one_lives(virtual: Program) -> None:
    agents = [virtual.start("run", "--no-check") for _ in range(AT_ONCE)]
    deadline_s = time.monotonic() + TIMEOUT_S
    while sum(agent.poll() is None for agent in agents) > 1:
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    (living,) = (agent for agent in agents if agent.poll() is None)
    said = [agent.communicate()[1] for agent in agents if agent is not living]
    assert all("another agent is running on" in text for text in said)
    assert [agent.returncode for agent in agents if agent is not living] == [75] * (AT_ONCE - 1)
    assert living.stderr is not None
    while "event='started'" not in living.stderr.readline():
        assert time.monotonic() < deadline_s
    living.send_signal(signal.SIGTERM)
    assert living.wait(TIMEOUT_S) == 0
    living.stderr.close()


@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.4, 0.6, 0.8, 1.2, 2.0])
def test_a_stop_at_any_moment_is_heeded(virtual: Program, after_s: float) -> None:
    agent = virtual.start("run", "--no-check")
    with pytest.raises(subprocess.TimeoutExpired):
        agent.wait(after_s)
    agent.send_signal(signal.SIGTERM)
    _, said = agent.communicate(timeout=TIMEOUT_S)
    assert agent.returncode in (0, -signal.SIGTERM)  # before it can listen, the signal itself ends it
    assert "Traceback" not in said
    with Store(virtual.state_dir) as store:  # and the state is whole
        assert len([key for key in store.keys.all() if not key.closed]) <= 1


def test_the_journal_gets_each_event_with_its_priority(virtual: Program) -> None:
    journal = virtual.home / "journal"
    with journal.open("w") as stream:
        about = journal.stat()
        environment = virtual.environment() | {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"}
        agent = subprocess.Popen(virtual.command("run", "--no-check"), env=environment, stderr=stream)
    deadline_s = time.monotonic() + TIMEOUT_S
    while "started" not in journal.read_text():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    agent.terminate()
    assert agent.wait(TIMEOUT_S) == 0
    lines = journal.read_text().splitlines()
    assert lines[-1] == "<6>stopped"
    assert "<6>started radio='virtual' protocol='bluezone'" in lines
    assert all(re.fullmatch(r"<[2-7]>[a-z_]+( [a-z_]+=.+)*", line) for line in lines)
