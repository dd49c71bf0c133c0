"""The whole agent in a process of its own, in simulated time, which tells what it does line by line.

    python -m tests.faults.daemon STATE START_S FIRST MINUTES [PRAGMA]

``START_S`` is the Unix time at which it begins, ``FIRST`` the number of the first person it hears, ``MINUTES`` how
long it lives. It says ``AIR <hex>`` when an identifier goes on the air, and ``ACK <number>`` once a person's minute is
committed. ``PRAGMA`` is done first, for a run that is to go wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

import structlog

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.errors import StoreWriteError
from bluezone_agent.stores.file.recover import open_or_recover
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio
from tests.faults import numbered

RECEIVED_EVERY_S = 20.0


def say(text: str) -> None:
    """Write one line at once, so that its place among the writes to the disk is known."""
    os.write(1, text.encode() + b"\n")


class TellingRadio(SteeredRadio):
    """It tells what goes on the air, before it does."""

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        observed = decode(advertising_data)
        assert observed is not None
        say(f"AIR {observed.identifier.hex()}")
        await super().advertise(advertising_data)


async def live(store: Store, start_s: float, first: int, minutes: int) -> None:
    """Hear somebody new every 20 s, and acknowledge what is committed."""
    clock, stop = SimulatedClock(start_s), asyncio.Event()
    radio = TellingRadio(clock)
    agent = Agent(store, radio, clock, PROTOCOLS["gaen"], -12, None)

    async def be_received() -> None:
        number = first
        await asyncio.sleep(0.5)
        for second in range(0, minutes * 60, int(RECEIVED_EVERY_S)):
            if radio.listens:
                radio.receive(numbered.advertising_data(number), -60)
                number += 1
            if second % 60 == 40:
                acknowledge(store)
            await asyncio.sleep(RECEIVED_EVERY_S)
        stop.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(be_received())
        await agent.run(stop)
    acknowledge(store)


def acknowledge(store: Store) -> None:
    """Say who was stored last, as this connection reads it outside of a transaction: committed."""
    row = store._db.execute("SELECT identifier FROM observed_identifier ORDER BY id DESC LIMIT 1").fetchone()
    if row:
        say(f"ACK {int.from_bytes(row[0][1:], 'big')}")


def main() -> None:
    state_dir, start_s, first, minutes, *pragma = sys.argv[1:]
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    with StateLock(Path(state_dir)):
        try:
            store, _ = open_or_recover(Path(state_dir))
        except StoreWriteError:
            sys.exit(75)
        with store:
            for statement in pragma:
                store._db.execute(f"PRAGMA {statement}")
            run_simulated(live(store, float(start_s), int(first), int(minutes)))


if __name__ == "__main__":
    main()
