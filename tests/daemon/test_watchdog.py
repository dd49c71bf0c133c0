"""What the service manager is notices, over a real socket: when the watchdog is fed and when not."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.systemd import ServiceManager
from bluezone_agent.daemon.watchdog import Watchdog, Worker
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio, numbered_bytes

NOON_S = 1_596_283_200.0
WATCHDOG_S = 60
HANGS_S = 30 * 86_400


class HangingRadio(SteeredRadio):
    """A radio one of whose methods never returns once ``hangs`` names it."""

    hangs = ""

    async def _maybe_hang(self, method: str) -> None:
        if self.hangs == method:
            await asyncio.sleep(HANGS_S)

    async def __aenter__(self) -> HangingRadio:
        await self._maybe_hang("open")
        return await super().__aenter__()

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        await self._maybe_hang("advertise")
        await super().advertise(advertising_data)


class HangingClock(SimulatedClock):
    """A clock on which whoever waits for the next full minute waits for ever, once ``hangs``."""

    hangs = False

    async def sleep_until(self, unix_s: float, *, at_most_s: float = math.inf) -> None:
        if self.hangs and unix_s % 60 == 1:
            await asyncio.sleep(HANGS_S)
        await super().sleep_until(unix_s, at_most_s=at_most_s)


class Bench:
    """An agent, and a service manager that keeps what it is told with the time."""

    def __init__(self, folder: Path) -> None:
        self.clock = HangingClock(NOON_S)
        self.radio = HangingRadio(self.clock)
        self.notices: list[tuple[float, str]] = []
        self._folder = folder

    def live(self, life: Callable[[Bench], Awaitable[None]]) -> None:
        """Run the agent while ``life`` happens."""
        with (
            Store(self._folder) as store,
            StateLock(self._folder),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear,
        ):
            ear.bind(f"{self._folder}/notify")
            ear.setblocking(False)
            run_simulated(self._play(store, ear, life))

    async def _play(self, store: Store, ear: socket.socket, life: Callable[[Bench], Awaitable[None]]) -> None:
        def notices() -> None:
            self.notices += [(self.clock.uptime_s(), line) for line in ear.recv(4096).decode().split("\n")]

        asyncio.get_running_loop().add_reader(ear, notices)
        environment = {"NOTIFY_SOCKET": f"{self._folder}/notify", "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}
        manager, watchdog, stop = ServiceManager(environment), Watchdog(), asyncio.Event()
        agent = Agent(
            store,
            self.radio,
            self.clock,
            PROTOCOLS["bluezone"],
            -12,
            None,
            random_bytes=numbered_bytes(),
            watchdog=watchdog,
            wait_for_radio=True,
            background_jobs=(lambda: manager.keep_informed(watchdog, lambda: "all well"),),
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(agent.run(stop))
            await life(self)
            stop.set()

    def times(self, line: str) -> list[float]:
        return [at_s for at_s, said in self.notices if said == line]

    def longest_hunger_s(self, until_s: float) -> float:
        """Return the longest time between two feedings of the watchdog, or from the last one on."""
        fed = [*self.times("READY=1"), *self.times("WATCHDOG=1"), until_s]
        return max(b - a for a, b in pairwise(fed))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_it_is_ready_after_the_first_scan_window_and_fed_for_a_day(bench: Bench) -> None:
    async def life(bench: Bench) -> None:
        await asyncio.sleep(86_400)

    bench.live(life)
    (ready_s,) = bench.times("READY=1")
    assert 5 <= ready_s < 10
    assert bench.radio.history[0][0] < NOON_S + ready_s
    assert bench.longest_hunger_s(86_400) < WATCHDOG_S / 2
    assert bench.times("STATUS=all well")


def test_an_agent_that_waits_for_its_radio_is_not_stuck(bench: Bench) -> None:
    async def life(bench: Bench) -> None:
        await asyncio.sleep(100)
        bench.radio.fails_with = RadioUnavailableError(RadioFault.NO_ADAPTER, "hci9 is gone")
        await asyncio.sleep(86_400)
        bench.radio.fails_with = None
        await asyncio.sleep(3_600)

    bench.live(life)
    assert bench.longest_hunger_s(90_100) < WATCHDOG_S / 2


def test_a_radio_that_is_not_there_at_the_start_is_waited_for(bench: Bench) -> None:
    bench.radio.fails_with = RadioUnavailableError(RadioFault.NO_ADAPTER, "hci9 is not there")

    async def life(bench: Bench) -> None:
        await asyncio.sleep(3_600)
        assert bench.times("READY=1")[0] < 1
        bench.radio.fails_with = None
        await asyncio.sleep(60)
        assert bench.radio.listens
        await asyncio.sleep(600)

    bench.live(life)
    assert bench.longest_hunger_s(4_260) < WATCHDOG_S / 2


@pytest.mark.parametrize("reason", [RadioFault.REFUSED, RadioFault.NO_BROADCAST])
def test_a_radio_that_always_refuses_is_not_stuck_either(bench: Bench, reason: RadioFault) -> None:
    async def life(bench: Bench) -> None:
        await asyncio.sleep(100)
        bench.radio.refuses["advertise"] = RadioUnavailableError(reason, "hci9 refuses")
        await asyncio.sleep(86_400)

    bench.live(life)
    assert bench.longest_hunger_s(86_500) < WATCHDOG_S / 2


@pytest.mark.parametrize(("method", "part"), [("advertise", Worker.ROTATION), ("open", Worker.SCAN)])
def test_a_radio_call_that_never_returns_starves_the_watchdog(bench: Bench, method: str, part: Worker) -> None:
    async def life(bench: Bench) -> None:
        await asyncio.sleep(100)
        bench.radio.hangs = method
        if method == "open":
            bench.radio.fails_with = RadioUnavailableError(RadioFault.NO_ADAPTER, "hci9 is gone")
            await asyncio.sleep(10)
            bench.radio.fails_with = None
        await asyncio.sleep(3_600)

    bench.live(life)
    # a rotation is due after 15 minutes at most, and stuck after three more
    assert bench.times("WATCHDOG=1")[-1] < {Worker.ROTATION: 100 + 900 + 200, Worker.SCAN: 100 + 10 + 200 + 60}[part]


def test_a_writer_that_hangs_starves_the_watchdog(bench: Bench) -> None:
    async def life(bench: Bench) -> None:
        await asyncio.sleep(100)
        bench.clock.hangs = True
        await asyncio.sleep(3_600)

    bench.live(life)
    assert 100 < bench.times("WATCHDOG=1")[-1] < 100 + 60 + 200


def test_without_a_service_manager_nothing_is_said() -> None:
    manager = ServiceManager({})
    manager.tell(READY="1")
    assert manager.beat_s > 0


def test_a_manager_that_is_gone_does_not_end_the_agent(tmp_path: Path) -> None:
    ServiceManager({"NOTIFY_SOCKET": f"{tmp_path}/nobody"}).tell(READY="1")


def test_a_socket_in_the_abstract_namespace_is_found() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0bluezone-agent-test-notify")
        ear.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": "@bluezone-agent-test-notify"}).tell(READY="1", STATUS="chào")
        assert ear.recv(100).decode() == "READY=1\nSTATUS=chào"
