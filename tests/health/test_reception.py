"""What share of the packets on the air the agent received, as `status` and `doctor` say it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from bluezone_agent.app.agent_state import read_status
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Reception, Started
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.health.doctor.checks import Facts, judge
from bluezone_agent.health.doctor.finding import Level
from bluezone_agent.radios.bluez.facts import BluetoothFacts
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio
from tests.radio_contract import advertisements

NOON_S = 1_596_283_200.0
LIVED_S = 500


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as opened:
        yield opened


def live(store: Store, lets_through: Callable[[float], bool]) -> None:
    """Run the real agent beside a neighbour that sends every 250 ms."""
    clock, random = SimulatedClock(NOON_S), Random(1)
    radio = SteeredRadio(clock)
    agent = Agent(store, radio, clock, PROTOCOLS["gaen"], -12, None)

    async def neighbour() -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(agent.run(stop))
            await asyncio.sleep(1)
            while clock.now_s() < NOON_S + LIVED_S:
                await asyncio.sleep(0.25 + random.random() / 100)
                if lets_through(clock.now_s()):
                    radio.receive(advertisements("gaen", 1)[0], -60)
            stop.set()

    with StateLock(store.state_dir):
        run_simulated(neighbour())


def judged(store: Store, now_s: float) -> tuple[float | None, list[tuple[Level, str]]]:
    with StateLock(store.state_dir):
        state = read_status(store, now_s)
    facts = Facts(("virtual",), BluetoothFacts(), clock_trusted=True, status=state)
    found = [(f.level, f.message.format(**f.fields)) for f in judge(facts) if f.check == "reception"]
    return state.reception.share if state.reception else None, found


def test_a_radio_that_gets_every_packet(store: Store) -> None:
    live(store, lambda _at_s: True)
    share, found = judged(store, NOON_S + LIVED_S)
    assert share == pytest.approx(1.0, abs=0.03)
    assert [level for level, _text in found] == [Level.OK]


def test_one_packet_in_eleven_seconds(store: Store) -> None:
    last_s = [NOON_S]

    def strict_filter(at_s: float) -> bool:
        if at_s - last_s[0] < 11:
            return False
        last_s[0] = at_s
        return True

    live(store, strict_filter)
    share, found = judged(store, NOON_S + LIVED_S)
    assert share == pytest.approx(0.25 / 11, abs=0.003)
    assert found == [
        (
            Level.WARNING,
            "only about 2% of nearby devices' packets are received: distances are estimated from few values",
        )
    ]


def test_an_estimate_is_not_of_another_run_nor_of_another_day(store: Store) -> None:
    def at(started_s: float, estimated_s: float, now_s: float) -> float | None:
        with store.transaction():
            store.journal.put(Started(int(started_s)))
            store.journal.put(Reception(int(estimated_s), 0.5))
        return judged(store, now_s)[0]

    assert at(NOON_S, NOON_S + 400, NOON_S + 500) == 0.5
    assert at(NOON_S, NOON_S + 400, NOON_S + 400 + DAY_S + 1) is None
    assert at(NOON_S + 450, NOON_S + 400, NOON_S + 500) is None, "before the last start the radio may have been another"
    assert at(NOON_S, NOON_S + 400, NOON_S) is None, "the clock was set back"
