"""What takes the radio away from an agent that runs, one thing after the other, and what brings it back.

Every fault is a function that does it, and returns when its cause is over; the host's tests read from the logs of
the air and of the HCI commands how long scan and broadcast then took to come back.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, Final

from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from dbus_fast import Variant

from tests.lab.guest import Agent, Guest

RUNNING_S: Final = 70
"""A session this long ends a row of failures."""
LASTS_S: Final = 20
BACK_S: Final = 200
SLOT_S: Final = 900
ROTATES_S: Final = 30
PLUGGED: Final = 1
"""The agent's adapter is hci1, its neighbour's hci2; both are plugged in, and unplugged, together. hci0 stays."""

Fault = Callable[["Machine"], Coroutine[Any, Any, None]]


class Machine:
    """The guest with an agent, and a neighbour who suffers the same, on adapters that can be unplugged."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.agent = Agent(guest, "a", f'radio = "bluez:hci{PLUGGED}"\nclock_trusted = true\n')
        self.neighbour = Agent(guest, "b", f'radio = "bluez:hci{PLUGGED + 1}"\nclock_trusted = true\n')
        self.plugged: asyncio.subprocess.Process | None = None
        self.plugs = 0

    async def start(self) -> None:
        await self.guest.start()
        await self.plug()
        await self.powered()
        await self.agent.start()
        await self.neighbour.start()

    async def powered(self) -> None:
        for number in (PLUGGED, PLUGGED + 1):
            await self.guest.powered(number)

    async def plug(self) -> None:
        """Plug the adapters in, with an air of their own that is logged to plugN."""
        out = self.guest.out / f"plug{self.plugs}"
        out.mkdir()
        self.plugs += 1
        self.plugged = await self.guest.attach(out, 2, first=PLUGGED)

    async def unplug(self) -> None:
        assert self.plugged is not None
        self.plugged.send_signal(signal.SIGTERM)
        await self.plugged.wait()

    async def set(self, name: str, value: bool) -> None:
        await self.guest.set_adapter(PLUGGED, name, Variant("b", value))

    async def status(self) -> dict[str, Any]:
        ended = await self.agent.command("status", "--json")
        state: dict[str, Any] = json.loads(ended.stdout)
        return state


async def bluetoothd_killed(m: Machine) -> None:
    await m.guest.stop_bluetoothd(signal.SIGKILL)
    await asyncio.sleep(LASTS_S)
    await m.guest.start_bluetoothd()
    await m.powered()


async def bluetoothd_stopped(m: Machine) -> None:
    await m.guest.stop_bluetoothd()
    await asyncio.sleep(LASTS_S)
    await m.guest.start_bluetoothd()
    await m.powered()


async def powered_off(m: Machine) -> None:
    await m.set("Powered", value=False)
    await asyncio.sleep(LASTS_S)
    await m.set("Powered", value=True)


async def discoverable(m: Machine) -> None:
    await m.set("Discoverable", value=True)
    await asyncio.sleep(LASTS_S)
    await m.set("Discoverable", value=False)


async def unplugged(m: Machine) -> None:
    await m.unplug()
    await asyncio.sleep(LASTS_S)
    await m.plug()
    await m.powered()


async def another_scans(m: Machine) -> None:
    """A legacy adapter refuses a new broadcast while another program scans."""
    async with BleakScanner(bluez=BlueZScannerArgs(adapter=f"hci{PLUGGED}")):
        await m.set("Discoverable", value=True)
        await asyncio.sleep(1)
        await m.set("Discoverable", value=False)
        await asyncio.sleep(LASTS_S)


async def scanner_deaf(m: Machine) -> None:
    """The controller reports nothing any more until its scan has stood still for half a second."""
    (m.guest.out / f"plug{m.plugs - 1}" / "deaf").touch()
    await asyncio.sleep(1)


async def bus_killed(m: Machine) -> None:
    await m.guest.stop_dbus()
    await m.guest.stop_bluetoothd()
    await asyncio.sleep(LASTS_S)
    await m.guest.start_dbus()
    await m.guest.start_bluetoothd()
    await m.powered()


FAULTS: Final[tuple[Fault, ...]] = (
    bluetoothd_killed,
    bluetoothd_stopped,
    powered_off,
    discoverable,
    unplugged,
    scanner_deaf,
    another_scans,
    bus_killed,
)


async def play(guest: Guest) -> dict[str, Any]:
    """Return for each fault when it came and went, and what `status` said meanwhile and afterwards."""
    machine = Machine(guest)
    await machine.start()
    if guest.options.get("seeds"):
        return {"sequences": await _random_sequences(machine, range(guest.options["seeds"]))}
    played = {}
    for fault in FAULTS:
        await asyncio.sleep(RUNNING_S)
        began_s = time.time()
        happens = asyncio.create_task(fault(machine))
        await asyncio.sleep(LASTS_S / 2)
        during = await machine.status()
        await happens
        over_s = time.time()
        await asyncio.sleep(BACK_S)
        afterwards = await machine.status()
        played[fault.__name__] = {"began_s": began_s, "over_s": over_s, "during": during, "afterwards": afterwards}
    code, _ = await machine.agent.stop()
    await machine.neighbour.stop()
    return {"faults": played, "code": code}


def _is_silenced(status: dict[str, Any]) -> bool:
    """Return whether faults used up the keys of the day: then nothing is advertised until the next slot."""
    return "silenced" in status["cautions"]


async def _random_sequences(machine: Machine, seeds: range) -> list[dict[str, Any]]:
    """Play a sequence of faults a seed; return each with the time at which everything had been well for a while."""
    played = []
    for seed in seeds:
        random = Random(seed)
        names = []
        for fault in random.choices(FAULTS, k=random.randint(2, 5)):
            names.append(fault.__name__)
            await fault(machine)
            await asyncio.sleep(random.choice([0, 1, 5, 30]))
        over_s = time.time()
        await asyncio.sleep(BACK_S + 200)
        if _is_silenced(await machine.status()):
            await asyncio.sleep(SLOT_S - time.time() % SLOT_S + ROTATES_S)
        played.append({"faults": names, "over_s": over_s, "well_s": time.time(), "status": await machine.status()})
    return played
