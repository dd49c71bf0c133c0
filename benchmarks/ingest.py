"""What hearing costs: CPU seconds an advert, from the bytes of a packet to the committed minute.

    python -m benchmarks.ingest

The whole agent in real time and on its own clock; the adverts are those of 200 people, as bytes, at a steady rate. Both
sides of the ratio are printed: CPU time of this process, and wall time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.journal import Received
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.ports import Clock
from bluezone_agent.stores.store import StateLock, Store

SECONDS: Final = 65
"""One commit of a full minute at least."""
PEOPLE: Final = 200
TICKS: Final = 50
"""A second: packets come in small bunches, as a radio hands them over."""


class BusyRadio:
    """Hears packets of people near, or of somebody who forges a new identifier for each."""

    description = scan_mode = "benchmark"
    silent_after_s = float("inf")

    def __init__(self, clock: Clock, a_second: int, *, forged: bool) -> None:
        self._clock = clock
        self._a_second = a_second
        self._forged = forged
        self.received = 0
        self.late_s = 0.0

    async def __aenter__(self) -> BusyRadio:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def prepare(self, valid_s: float) -> int | None:  # noqa: ARG002 - the port's
        return None

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Broadcast to nobody."""

    async def withdraw(self) -> None:
        """Nothing is on the air."""

    async def becomes_usable(self) -> None:
        """It always is."""

    async def power_cycle(self) -> None:
        """There is nothing to switch."""

    async def listen(self, received: Callable[[Advert], None]) -> None:
        payloads = [_payload(number) for number in range(PEOPLE)]
        tick_s, due_s = 1 / TICKS, time.monotonic()
        while True:
            for _ in range(self._a_second // TICKS):
                self.received += 1
                payload = _payload(self.received) if self._forged else payloads[self.received % PEOPLE]
                received(Advert(AdvertisingData.from_bytes(payload), -60 - self.received % 30, self._clock.now_s()))
            due_s += tick_s
            self.late_s = max(self.late_s, time.monotonic() - due_s)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))


def _payload(number: int) -> bytes:
    return b"\x02\x01\x1a\x03\x03\x6f\xfd\x17\x16\x6f\xfd" + number.to_bytes(20, "big")


def measure(a_second: int, *, forged: bool = False) -> str:
    """Let an agent hear so much for a minute; return one line of what it cost."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store, StateLock(Path(folder)):
        radio = asyncio.run(_run(store, a_second, forged=forged))
        counted = store.journal.get(Received)
    kept = f"{counted.dropped if counted else 0} of {radio.received} dropped" if forged else f"{radio.received} heard"
    return f"{kept}, latest bunch {radio.late_s * 1000:.0f} ms late"


async def _run(store: Store, a_second: int, *, forged: bool) -> BusyRadio:
    clock, stop = SystemClock(always_trusted=True), asyncio.Event()
    radio = BusyRadio(clock, a_second, forged=forged)
    agent = Agent(store, radio, clock, PROTOCOLS["gaen"], -12, None)
    asyncio.get_running_loop().call_later(SECONDS, stop.set)
    await agent.run(stop)
    return radio


def main() -> None:
    """Measure nobody, 800 a second, 10,000 a second, and 10,000 forged ones, each in a process of its own."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for a_second, forged in ((0, False), (800, False), (10_000, False), (10_000, True)):
        child = os.fork()
        if child == 0:
            before, began_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
            said = measure(a_second, forged=forged)
            after, wall_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began_s
            cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            kind = "forged" if forged else "adverts"
            print(
                f"{a_second:6} {kind}/s: {cpu_s:.2f} s CPU in {wall_s:.1f} s = {100 * cpu_s / wall_s:.1f} % of a core;"
                f" {after.ru_maxrss / 1024:.0f} MiB at most; {said}",
                flush=True,
            )
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
