"""Forged identifiers by the thousand: memory and store stay within their caps, and a real contact is found."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.journal import Received
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import MOST_A_MINUTE
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.store import MOST_BYTES, Store
from tests.fakes import SteeredRadio
from tests.faults import numbered

pytestmark = pytest.mark.slow

START_S = 1_806_580_800.0
FORGED_A_SECOND = 10_000
FORGED = b"\x0f"
REAL = numbered.advertising_data(7, b"\x0e")
MIB = 2**20
A_MINUTE_S = 60


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Attacked:
    """A device between an honest neighbour, four packets a second, and somebody who forges 10,000 identifiers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SimulatedClock(START_S)
        self.radio = SteeredRadio(self.clock)
        self.forged = 0
        self.most_resident = 0

    async def live(self, before_s: int, flood_s: int, after_s: int) -> None:
        stop = asyncio.Event()
        agent = Agent(self.store, self.radio, self.clock, PROTOCOLS["gaen"], -12, None)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(agent.run(stop))
            await asyncio.sleep(1)
            await self._receive(before_s, 0)
            await self._receive(flood_s, FORGED_A_SECOND)
            await self._receive(after_s, 0)
            stop.set()
            await running

    async def _receive(self, seconds: int, forged_a_second: int) -> None:
        for quarter in range(4 * seconds):
            for _ in range(forged_a_second // 4):
                self.forged += 1
                data = FORGED + self.forged.to_bytes(15, "big") + bytes(4)
                self.radio.receive(AdvertisingData(service_data={0xFD6F: data}), -60)
            self.radio.receive(REAL, -62)
            if quarter % 40 == 0:
                self.most_resident = max(self.most_resident, resident())
            await asyncio.sleep(0.25)

    def minutes_of_the_neighbour(self) -> list[int]:
        """Return in how many packets of each minute it was heard."""
        minutes = [
            m for m in self.store.contacts.minutes_since(0) if m.observed.identifier == numbered.identifier(7, b"\x0e")
        ]
        return [m.count for m in minutes]


def test_a_burst_of_a_minute_costs_an_honest_neighbour_nothing() -> None:
    with scratch_folder() as folder, Store(folder) as store:
        device = Attacked(store)
        before = resident()
        run_simulated(device.live(7 * A_MINUTE_S, A_MINUTE_S, 7 * A_MINUTE_S))
        counts = device.minutes_of_the_neighbour()
        assert device.most_resident - before < 40 * MIB
        assert len(counts) in {15, 16}
        assert sum(counts) > 15 * 60 * 4 - 250, "at most one packet's worth of a minute is lost"
        received = store.journal.get(Received)
        assert received is not None
        kept = sum(m.count for m in store.contacts.minutes_since(0))
        assert received.dropped == received.by_protocol["gaen"] - kept, "every sighting is kept or counted as dropped"
        assert received.dropped > 0.9 * device.forged


@pytest.mark.timeout(4 * 3600)
def test_a_flood_that_does_not_end_stays_within_the_caps(long: bool) -> None:
    """For a simulated day; in the short form for two minutes, which are all alike."""
    minutes = 24 * 60 if long else 2
    with scratch_folder() as folder, Store(folder) as store:
        device = Attacked(store)
        before = resident()
        run_simulated(device.live(0, minutes * A_MINUTE_S, 0))
        print(f"{device.forged} forged, {device.most_resident - before} bytes more, a store of {store.used_bytes()}")
        assert device.most_resident - before < 64 * MIB
        assert len(store.contacts.minutes_since(0)) <= (minutes + 1) * MOST_A_MINUTE
        assert store.used_bytes() < MOST_BYTES
        assert sum(count > 200 for count in device.minutes_of_the_neighbour()) >= minutes - 1


def test_a_store_that_has_reached_its_size_loses_its_oldest_contacts_and_no_key(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        device = Attacked(store)
        run_simulated(device.live(180, 20, 0))
        oldest, *_, newest = (m.minute for m in store.contacts.minutes_since(0))
        assert newest > oldest + 2
        keys, size = store.keys.all(), store.used_bytes()
        assert store.cap(size) == 0
        monkey = pytest.MonkeyPatch()
        with monkey.context() as patch:
            patch.setattr("bluezone_agent.stores.store.CAP_STEP", 2)
            assert store.cap(size - 1024) > 0
        kept = [m.minute for m in store.contacts.minutes_since(0)]
        assert min(kept) > oldest
        assert max(kept) == newest
        assert store.keys.all() == keys
        assert store.cap(0) > 0
        assert store.contacts.minutes_since(0) == []
        assert store.keys.all() == keys
