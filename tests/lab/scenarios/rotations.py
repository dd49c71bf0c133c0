"""The whole agent on a clock that runs 30 times too fast: a slot of Bluezone takes 30 s, one of GAEN 20 s.

Controller 0 broadcasts Bluezone, controller 1 Exposure Notification, each with its own scan running; ``rotations``
says how many to see, ``stack`` whether through BlueZ, the kernel, or HCI. ``mutant`` names what is done to the radio of
controller 0, or to the kernel radio's broker (:mod:`tests.lab.mutant_broker`): the host's tests must catch it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from dbus_fast import Variant

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.ports import Radio
from bluezone_agent.radios.bluez.advertisement import Advertisement, uuid_text
from bluezone_agent.radios.bluez.controller_quirks import Plan
from bluezone_agent.radios.bluez.radio import BluezRadio
from bluezone_agent.radios.hci.radio import HciRadio
from bluezone_agent.radios.kernel.radio import KernelRadio
from bluezone_agent.stores.store import Store
from tests.lab.guest import Guest

SPEED: Final = 30
SLOT_S: Final = 30
FLIP_LASTS_S: Final = 5
OVERLAP_S: Final = 5
"""Linux shows each of several legacy instances for 2 s in turn."""


class FastClock(SystemClock):
    """Wall time passes faster; durations are true."""

    def __init__(self) -> None:
        super().__init__(always_trusted=True)
        self._start_s = time.time()

    def now_s(self) -> float:
        return self._start_s + (time.time() - self._start_s) * SPEED

    async def sleep_until(self, unix_s: float, *, at_most_s: float = math.inf) -> None:
        until_up_s = self.uptime_s() + at_most_s
        while (left_s := min((unix_s - self.now_s()) / SPEED, until_up_s - self.uptime_s())) > 0:
            await asyncio.sleep(left_s)


class RegisterFirst(BluezRadio):
    """The new one goes on the air before the old one is withdrawn."""

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        async with self._changing, self._scan_paused():
            old, self._on_air = self._on_air, None
            await self._register(advertising_data)
            if old is not None:
                await asyncio.sleep(OVERLAP_S)
                await self._adapter.advertising("UnregisterAdvertisement", "o", old)
                self._adapter.unexport(old)


class UpdateInPlace(BluezRadio):
    """The registered object changes its data instead of being replaced."""

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        if self._on_air is None:
            await super().advertise(advertising_data)
            self._shown = next(iter(self._adapter._bus._bus._path_exports[self._on_air].values()))  # type: ignore[index]
            return
        assert isinstance(self._shown, Advertisement)
        self._shown._advertising_data = advertising_data
        uuids = [uuid_text(uuid) for uuid in advertising_data.service_uuids]
        data = {co_presence: Variant("ay", value) for co_presence, value in advertising_data.manufacturer_data.items()}
        self._shown.emit_properties_changed({"ServiceUUIDs": uuids, "ManufacturerData": data})


class NoScanPause(BluezRadio):
    """The scan goes on while the identifier changes."""

    async def __aenter__(self) -> NoScanPause:
        await super().__aenter__()
        self._plan = Plan("no pause", extended=False, scan_pause=False)
        return self


class SamePayloadAfterFlip(BluezRadio):
    """What was on the air before a loss goes on the air again after it."""

    _last: AdvertisingData | None = None
    _again = False

    async def __aenter__(self) -> SamePayloadAfterFlip:
        await super().__aenter__()
        self._again = self._last is not None
        return self

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        if not self._again or self._last is None:
            self._last = advertising_data
        self._again = False
        await super().advertise(self._last)


class SamePayloadAfterKernelFlip(KernelRadio):
    """The same over the kernel's radio."""

    _last: AdvertisingData | None = None
    _again = False

    async def __aenter__(self) -> SamePayloadAfterKernelFlip:
        await super().__aenter__()
        self._again = self._last is not None
        return self

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        if not self._again or self._last is None:
            self._last = advertising_data
        self._again = False
        await super().advertise(self._last)


MUTANTS: Final[dict[str, Callable[[str, FastClock], BluezRadio]]] = {
    "": BluezRadio,
    "register-first": RegisterFirst,
    "update-in-place": UpdateInPlace,
    "no-scan-pause": NoScanPause,
    "same-payload-after-a-flip": SamePayloadAfterFlip,
}


KERNEL_MUTANTS: Final = {"same-payload-after-a-flip": SamePayloadAfterKernelFlip}
"""Those of the agent's end; the others are the broker's."""


async def no_check() -> None:
    """Check nothing."""


async def play(guest: Guest) -> dict[str, Any]:
    """Return when the adapter of controller 0 was discoverable."""
    stack, mutant = guest.options["stack"], guest.options["mutant"]
    await (guest.start_controllers() if stack == "hci" else guest.start())
    if stack == "kernel":
        await guest.start_broker(mutant="" if mutant in KERNEL_MUTANTS else mutant)
    stop, clock, flips = asyncio.Event(), FastClock(), []
    with Store(Path("/run/a")) as a, Store(Path("/run/b")) as b:
        radios: tuple[Radio, Radio] = HciRadio("0", clock), HciRadio("1", clock)
        if stack == "bluez":
            radios = MUTANTS[mutant]("hci0", clock), BluezRadio("hci1", clock)
        elif stack == "kernel":
            radios = KERNEL_MUTANTS.get(mutant, KernelRadio)("hci0", clock), KernelRadio("hci1", clock)
        async with asyncio.TaskGroup() as agents:
            for store, radio, protocol in zip((a, b), radios, PROTOCOLS.values(), strict=True):
                agents.create_task(Agent(store, radio, clock, protocol, -12, no_check).run(stop))
            for _ in range(guest.options["flips"]):
                await asyncio.sleep(2.5 * SLOT_S)
                flips.append(time.time())
                for on in (True, False):
                    await guest.set_adapter(0, "Discoverable", Variant("b", on))
                    await asyncio.sleep(FLIP_LASTS_S)
            await asyncio.sleep((guest.options["rotations"] + 0.5) * SLOT_S)
            stop.set()
    return {"flips": flips}
