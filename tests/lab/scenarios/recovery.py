"""What takes the radio away from an agent that runs, one thing after the other, and what brings it back.

Every fault is a function that does it, and returns when its cause is over; the host's tests read from the logs of
the air and of the HCI commands how long scan and broadcast then took to come back.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final

from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from dbus_fast import Variant

from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel.management import Opcode, Pattern
from bluezone_agent.radios.kernel.socket import ManagementSocket, open_management
from tests.lab.guest import Agent, Guest

RUNNING_S: Final = 70
"""A session this long ends a row of failures."""
STARTED_S: Final = 10
"""An agent that can't use its radio at the start says so and ends: it has to have begun before a fault can come."""
LASTS_S: Final = 20
BACK_S: Final = 200
SLOT_S: Final = 900
ROTATES_S: Final = 30
UID: Final = 1000
"""The user of an agent with the kernel's radio."""
RESTART_S: Final = 10
"""As the unit's RestartSec."""
PLUGGED: Final = 1
"""The agent's adapter is hci1, its neighbour's hci2; both are plugged in, and unplugged, together. hci0 stays."""

Fault = Callable[["Machine"], Coroutine[Any, Any, None]]


class Machine:
    """The guest with an agent, and a neighbour who suffers the same, on adapters that can be unplugged."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.stack = guest.options.get("stack", "bluez")
        self.agent, self.neighbour = self._agent("a", PLUGGED), self._agent("b", PLUGGED + 1)
        self._agents = 1
        self.plugged: asyncio.subprocess.Process | None = None
        self.plugs = 0

    def _agent(self, name: str, number: int) -> Agent:
        config = f'radio = "{self.stack}:hci{number}"\nclock_trusted = true\n'
        return Agent(self.guest, name, config, uid=UID if self.stack == "kernel" else 0)

    async def start_another(self) -> None:
        """Start an agent with a state of its own: one that is started often a day waits for the next slot."""
        self.agent = self._agent(f"a{self._agents}", PLUGGED)
        self._agents += 1
        await self.agent.start()

    async def start(self) -> None:
        await self.guest.start()
        await self.plug()
        await self.powered()
        if self.stack == "kernel":
            await self.guest.start_broker(UID)
        await self.agent.start()
        await self.neighbour.start()
        await asyncio.sleep(STARTED_S)

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


@asynccontextmanager
async def another_program() -> AsyncIterator[ManagementSocket]:
    """Use the management socket as another program of root's would."""
    management = ManagementSocket(open_management(), Deaf())
    try:
        yield management
    finally:
        management.close()


class Deaf:
    """Ignores every event."""

    def found(self, found: object) -> None:
        pass

    def noticed(self, event: object) -> None:
        pass

    def all_found(self) -> None:
        pass

    def lost(self) -> None:
        pass


async def another_monitor(m: Machine) -> None:
    """Another program has a monitor, so that a legacy controller scans while the agent wants another address."""
    async with another_program() as other:
        added = await other.call(Opcode.ADD_MONITOR, PLUGGED, wire.monitor((Pattern(0x16, b"\x0f\x18"),)))
        await m.agent.stop()
        await m.start_another()
        await asyncio.sleep(LASTS_S)
        listed = wire.read_monitors(await other.call(Opcode.READ_MONITORS, PLUGGED))
        assert wire.read_handle(added) in listed, "a monitor of others is never removed"
        await other.call(Opcode.REMOVE_MONITOR, PLUGGED, wire.handle(wire.read_handle(added)))


async def another_advertises(_m: Machine) -> None:
    """Another program advertises as bluetoothd does, with the lowest number, and can be connected to."""
    async with another_program() as other:
        connectable = wire.PARAMETERS.pack(1, wire.HAS_INTERVALS | 1, 0, 0, 320, 320, wire.UNKNOWN_POWER)
        await other.call(Opcode.ADD_PARAMETERS, PLUGGED, connectable)
        await other.call(Opcode.ADD_DATA, PLUGGED, wire.advertising_data(1, b"\x03\x03\x0f\x18"))
        await asyncio.sleep(LASTS_S)
        features = wire.read_features(await other.call(Opcode.READ_ADVERTISING_FEATURES, PLUGGED))
        assert 1 in features.instances, "an instance of others is never removed"
        await other.call(Opcode.REMOVE_ADVERTISING, PLUGGED, wire.instance(1))


async def broker_killed(m: Machine) -> None:
    await m.guest.stop_broker(signal.SIGKILL)
    await asyncio.sleep(RESTART_S)
    await m.guest.start_broker(UID)


async def agent_killed(m: Machine) -> None:
    await m.agent.kill()
    await asyncio.sleep(RESTART_S)
    await m.start_another()


async def both_killed(m: Machine) -> None:
    await m.guest.stop_broker(signal.SIGKILL)
    await m.agent.kill()
    await asyncio.sleep(RESTART_S)
    await m.guest.start_broker(UID)
    await m.start_another()


COMMON: Final[tuple[Fault, ...]] = (
    bluetoothd_killed,
    bluetoothd_stopped,
    powered_off,
    discoverable,
    unplugged,
    scanner_deaf,
    another_scans,
)
FAULTS: Final = (*COMMON, bus_killed)
KERNEL_FAULTS: Final = (
    *COMMON,
    another_monitor,
    another_advertises,
    broker_killed,
    agent_killed,
    both_killed,
    bus_killed,
)


async def play(guest: Guest) -> dict[str, Any]:
    """Return for each fault when it came and went, and what `status` said meanwhile and afterwards."""
    machine = Machine(guest)
    await machine.start()
    if guest.options.get("seeds"):
        return {"sequences": await _random_sequences(machine, range(guest.options["seeds"]))}
    played = {}
    for fault in KERNEL_FAULTS if machine.stack == "kernel" else FAULTS:
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
        for fault in random.choices(KERNEL_FAULTS if machine.stack == "kernel" else FAULTS, k=random.randint(2, 5)):
            names.append(fault.__name__)
            await fault(machine)
            await asyncio.sleep(random.choice([0, 1, 5, 30]))
        over_s = time.time()
        await asyncio.sleep(BACK_S + 200)
        discovered = machine.stack == "kernel" and await machine.guest.discovers(PLUGGED)
        if discovered:  # bluetoothd scans for nobody: then a legacy adapter can't advertise until it is restarted
            await bluetoothd_stopped(machine)
            await asyncio.sleep(BACK_S)
        if _is_silenced(await machine.status()):
            await asyncio.sleep(SLOT_S - time.time() % SLOT_S + ROTATES_S)
        played.append(
            {
                "faults": names,
                "over_s": over_s,
                "well_s": time.time(),
                "discovered": discovered,
                "status": await machine.status(),
            }
        )
    return played
