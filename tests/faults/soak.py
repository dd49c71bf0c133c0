"""Days of a busy place in simulated time, in a process of its own: what they cost in memory, descriptors and disk.

    python -m tests.faults.soak STATE DAYS PEERS

Prints one JSON object a day, and one about what is left in the files of what is over.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
from pathlib import Path
from random import Random

import structlog

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio

STARTS_AT_S = 1_806_537_600
"""2027-04-01 00:00 UTC."""
OPEN_S = range(8 * 3600, 16 * 3600)
PACKET_EVERY_S = 11.0
"""What a chip with a strict duplicate filter reports of a peer."""
SLOT_S = 600


def identifier(peer: int, at_s: float) -> bytes:
    """Return what a peer broadcasts, which nothing else in a file resembles."""
    return Random(f"{peer}/{int(at_s) // SLOT_S}").randbytes(16)


class SourceAddress:
    """A radio that hears every peer every 11 s during opening hours, each as near as it likes."""

    def __init__(self, clock: SimulatedClock, peers: int) -> None:
        self.clock = clock
        self.radio = SteeredRadio(clock)
        self.random = Random(1)
        self.rssi = [self.random.randint(-95, -45) for _ in range(peers)]
        self.slot = -1
        self.advertisements: list[AdvertisingData] = []

    async def be_busy(self) -> None:
        while True:
            at_s = self.clock.now_s()
            if int(at_s) % DAY_S not in OPEN_S:
                await asyncio.sleep(
                    OPEN_S.start - at_s % DAY_S if at_s % DAY_S < OPEN_S.start else DAY_S - at_s % DAY_S
                )
                continue
            if at_s // SLOT_S != self.slot:
                self.slot = int(at_s // SLOT_S)
                ids = [identifier(peer, at_s) for peer in range(len(self.rssi))]
                self.advertisements = [AdvertisingData(service_data={0xFD6F: i + bytes(4)}) for i in ids]
            if self.radio.listens:
                for advertising_data, rssi in zip(self.advertisements, self.rssi, strict=True):
                    self.radio.receive(advertising_data, rssi + self.random.randint(-4, 4))
            await asyncio.sleep(PACKET_EVERY_S)


async def live(store: Store, days: int, peers: int) -> None:
    clock, stop = SimulatedClock(STARTS_AT_S), asyncio.Event()
    address = SourceAddress(clock, peers)
    agent = Agent(store, address.radio, clock, PROTOCOLS["gaen"], -12, None)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(agent.run(stop))
        busy = tasks.create_task(address.be_busy())
        for day in range(1, days + 1):
            written = written_bytes()
            await asyncio.sleep(DAY_S)
            address.radio.history.clear()  # the test's own
            print(json.dumps({"day": day} | cost(store) | {"written": written_bytes() - written}), flush=True)
        busy.cancel()
        stop.set()
        await running


def cost(store: Store) -> dict[str, int]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "rss": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()),
        "store": sum(path.stat().st_size for path in store.state_dir.glob("agent.db*") if path.suffix != ".db-shm"),
    }


def written_bytes() -> int:
    """Return what this process has written to files so far."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["wchar"])


def left_over(state_dir: Path, first_day: int, last_day: int, peers: int) -> int:
    """Return how many identifiers of these days are anywhere in the files."""
    data = b"".join(path.read_bytes() for path in state_dir.iterdir() if path.is_file())
    slots = [day * DAY_S + s for day in range(first_day, last_day + 1) for s in OPEN_S[::SLOT_S]]
    return sum(identifier(peer, STARTS_AT_S + slot) in data for slot in slots[::7] for peer in range(0, peers, 10))


def main() -> None:
    state_dir, days, peers = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with Store(state_dir) as store, StateLock(state_dir):
        run_simulated(live(store, days, peers))
        over = days - RETENTION_DAYS - 1
        if over < 0:  # too short for anything to be over: let the time pass
            store.expire(STARTS_AT_S + (days + RETENTION_DAYS) * DAY_S)
            over = days - 1
        kept = left_over(state_dir, days - 1, days - 1, peers) if days > RETENTION_DAYS else 0
        print(json.dumps({"left_over": left_over(state_dir, 0, over, peers), "kept": kept}))


if __name__ == "__main__":
    main()
