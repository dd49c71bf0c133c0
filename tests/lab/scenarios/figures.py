"""One broadcaster, one listener, on one radio stack: what arrives, what is on the air, what the agent knows of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.advertising_data import AD_FLAGS
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.bluez.radio import BluezRadio
from bluezone_agent.radios.hci.radio import HciRadio
from bluezone_agent.radios.kernel.radio import KernelRadio
from tests.lab.air import read_air
from tests.lab.guest import Guest
from tests.lab.management import a_bonded_device_away
from tests.radio_contract import advertisements, listening

SENDER, LISTENER = 0, 1
SETTLES_S: Final = 5
LASTS_S: Final = 120


@dataclass(frozen=True, slots=True)
class Stack:
    """How a radio is made: an entry here is a row of the table (tests/lab/table.py)."""

    radio: Callable[[int, Clock], Radio]
    """From the number of the controller."""
    start: Callable[[Guest], Awaitable[None]] = Guest.start
    """What has to run: D-Bus, controllers, bluetoothd."""
    experimental: bool = False
    """Whether bluetoothd runs with -E."""
    managed: bool = True
    """Whether the kernel manages the adapter meanwhile: then a bonded device or a monitor of the controller matters."""


def _bluez(number: int, clock: Clock) -> Radio:
    return BluezRadio(f"hci{number}", clock)


async def _start_with_broker(guest: Guest) -> None:
    await guest.start()
    await guest.start_broker()


STACKS: Final = {
    "kernel": Stack(lambda number, clock: KernelRadio(f"hci{number}", clock), _start_with_broker),
    "bluez": Stack(_bluez),
    "bluez -E": Stack(_bluez, experimental=True),
    "hci": Stack(lambda number, clock: HciRadio(str(number), clock), Guest.start_controllers, managed=False),
}


async def play(guest: Guest) -> dict[str, Any]:
    """Return packets sent and received, the longest gap, and the broadcast's interval, flags and known power."""
    stack = STACKS[guest.options["stack"]]
    await stack.start(guest)
    clock = SystemClock()
    sender, receiver = (stack.radio(number, clock) for number in (SENDER, LISTENER))
    async with AsyncExitStack() as running:
        await running.enter_async_context(sender)
        await running.enter_async_context(receiver)
        if guest.options["bonded"]:
            await running.enter_async_context(a_bonded_device_away(LISTENER))
        power_dbm = await sender.prepare(SETTLES_S * 3 + LASTS_S)
        await sender.advertise(advertisements("gaen", 1)[0])
        ear = await running.enter_async_context(listening(receiver))
        await asyncio.sleep(SETTLES_S)
        began_s = time.time()
        await asyncio.sleep(LASTS_S)
        ended_s = time.time()
        times = [advert.received_at_s for advert in ear.adverts if began_s <= advert.received_at_s < ended_s]
    await asyncio.sleep(SETTLES_S)
    (stretch,) = [s for s in read_air(guest.out / "air.jsonl") if s.sender == str(SENDER) and s.observed]
    interval_s = (stretch.to_s - stretch.from_s) / (stretch.packets - 1)
    flags = stretch.data[: stretch.data[0] + 1] if stretch.data[1] == AD_FLAGS else b""
    return {
        "sent": round(LASTS_S / interval_s),
        "received": len(times),
        "longest_gap_s": max(b - a for a, b in pairwise([began_s, *times, ended_s])),
        "interval_ms": interval_s * 1000,
        "flags": flags.hex(" "),
        "power_dbm": power_dbm,
        "random": stretch.random,
        "connectable": stretch.connectable,
    }
