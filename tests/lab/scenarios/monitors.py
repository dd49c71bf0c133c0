"""What an advertisement monitor of the kernel receives, asked for through the management socket, step by step.

Controller 0 broadcasts Exposure Notification, controller 1 listens; ``msft`` controllers monitor by themselves.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, Final

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.radios.bluez.radio import BluezRadio
from tests.lab.air import read_air
from tests.lab.guest import Guest
from tests.lab.management import DEVICE_FOUND, GAEN, MONITOR_DEVICE_FOUND, Management, a_bonded_device_away
from tests.radio_contract import advertisements

LASTS_S: Final = 120
LISTENER: Final = 1
ALL_THE_TIME: Final = 0x60
KERNELS_OWN: Final = (0x30, 0x60)
"""Window and interval that Linux 6.1 and 6.12 ask for."""
SAMPLING: Final = (0, 5, 0xFF)


class Counter:
    """Counts the events that carry Exposure Notification's service data."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.handles: set[int] = set()

    def event(self, code: int, index: int, parameters: bytes) -> None:
        if index == LISTENER and code in (DEVICE_FOUND, MONITOR_DEVICE_FOUND) and b"\x16" + GAEN in parameters:
            self.times.append(time.time())
            self.handles.add(struct.unpack_from("<H", parameters)[0] if code == MONITOR_DEVICE_FOUND else -1)


async def play(guest: Guest) -> dict[str, Any]:
    """Return for each step what was sent and received, the longest gap, and when it began and ended."""
    await guest.start()
    counter = Counter()
    management = Management(counter.event)
    steps: dict[str, Any] = {}

    @asynccontextmanager
    async def step(name: str, sampling: int | None = None) -> AsyncIterator[None]:
        handle = await management.add_monitor(LISTENER, sampling)
        await asyncio.sleep(1)
        counter.times.clear()
        counter.handles.clear()
        began_s = time.time()
        yield
        await asyncio.sleep(LASTS_S)
        steps[name] = _result(began_s, time.time(), counter)
        await management.remove_monitor(LISTENER, handle)

    async with BluezRadio("hci0", SystemClock()) as sender:
        await sender.advertise(advertisements("gaen", 1)[0])
        async with step("as the kernel has it"):
            pass
        await management.set_scan(LISTENER, ALL_THE_TIME, ALL_THE_TIME)
        async with step("all the time"):
            pass
        async with a_bonded_device_away(LISTENER):
            async with step("bonded device away"):
                pass
            await management.interleave(LISTENER, on=True)
            async with step("bonded device away, interleaved"):
                pass
            await management.interleave(LISTENER, on=False)
        for sampling in SAMPLING if guest.options["msft"] else ():
            async with step(f"sampling {sampling}", sampling):
                pass
        await management.set_scan(LISTENER, *KERNELS_OWN)
    management.close()
    await asyncio.sleep(5)
    (stretch,) = [s for s in read_air(guest.out / "air.jsonl") if s.sender == "0" and s.observed]
    each_s = (stretch.to_s - stretch.from_s) / (stretch.packets - 1)
    for found in steps.values():
        found["sent"] = round((found["ended_s"] - found["began_s"]) / each_s)
    return steps


def _result(began_s: float, ended_s: float, counter: Counter) -> dict[str, Any]:
    times = [began_s, *counter.times, ended_s]
    return {
        "began_s": began_s,
        "ended_s": ended_s,
        "received": len(counter.times),
        "longest_gap_s": max(b - a for a, b in pairwise(times)),
        "handles": sorted(counter.handles),
    }
