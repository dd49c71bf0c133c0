"""What the agent says that it costs, against what was really used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluezone_agent.app.agent_state import agent_state
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.journal import Record, Records, Started, Used
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.own_usage import OwnUsage
from bluezone_agent.health.status import JUDGED_AFTER_S, Contents, Cost, status
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio

NOON_S = 1_596_283_200
DAY_S = 86_400


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as opened:
        yield opened


def cost(store: Store, *records: Record, running: bool = True) -> Cost | None:
    now_s = NOON_S + 1000.0
    if running:
        with StateLock(store.state_dir):
            return status(Records(records), agent_state(store, now_s), Contents(), now_s).cost
    return status(Records(records), agent_state(store, now_s), Contents(), now_s).cost


def test_it_is_the_average_since_the_start(store: Store) -> None:
    used = Used(NOON_S + 900, running_s=900, cpu_s=9, wakeups=4500, written_bytes=900_000)
    found = cost(store, Started(NOON_S), used)
    assert found == Cost(cpu_share=0.01, wakeups_per_s=5, written_per_day=1000 * DAY_S)


@pytest.mark.parametrize(
    ("started_s", "running_s", "running"),
    [(NOON_S, JUDGED_AFTER_S - 1, True), (NOON_S + 950, 900, True), (NOON_S, 900, False)],
    ids=["it has just started", "a run before this one", "it has ended"],
)
def test_nothing_is_said_of_another_run_or_of_the_start(
    store: Store, started_s: int, running_s: float, running: bool
) -> None:
    used = Used(NOON_S + 900, running_s=running_s, cpu_s=9, wakeups=4500, written_bytes=900_000)
    assert cost(store, Started(started_s), used, running=running) is None


def test_what_the_process_uses_is_counted() -> None:
    usage = OwnUsage(SystemClock())
    before = usage.now(NOON_S)
    until_s = time.process_time() + 0.2
    while time.process_time() < until_s:
        pass
    for _ in range(20):
        time.sleep(0.001)
    after = usage.now(NOON_S)
    assert after.cpu_s - before.cpu_s >= 0.19
    assert after.wakeups - before.wakeups >= 20
    assert after.running_s >= before.running_s + 0.2


def test_a_running_agent_records_it(store: Store) -> None:
    clock = SimulatedClock(NOON_S)
    agent = Agent(store, SteeredRadio(clock), clock, PROTOCOLS["gaen"], -12, None)

    async def live() -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(agent.run(stop))
            await asyncio.sleep(700)
            stop.set()

    with StateLock(store.state_dir):
        run_simulated(live())
    used = store.journal.read().get(Used)
    assert used is not None
    assert used.running_s > JUDGED_AFTER_S
    assert used.cpu_s > 0
