"""One BlueZ adapter over D-Bus: its state, calls to it, and the moment from which it can't be used."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final, Self

from dbus_fast import Message, Variant, unpack_variants
from dbus_fast.service import ServiceInterface

from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.radios.bluez import errors as faults
from bluezone_agent.radios.bluez.bus import (
    ADAPTER,
    ADVERTISING_MANAGER,
    MONITOR_MANAGER,
    PROPERTIES,
    SystemBus,
    bluez_version,
)

LEAVING_TIMEOUT_S: Final = 1.5
"""Stopping the scan and the advertisement: two answers at most within the 5 s that a stop may take."""
FLIP_SETTLES_S: Final = 0.05
"""bluetoothd 5.66 changes the advertisement of an adapter that becomes discoverable. On an extended controller it
crashes when the advertisement is withdrawn before that is done (in the lab, each time), and then the identifier stays
on the air with the public address until somebody restarts bluetoothd. It signals the change before it has made it: so
wait 50 ms."""
REASON_SETTLES_S: Final = 0.5
"""bluetoothd sends Release and powers its adapters off before it leaves the bus or drops an adapter: the true reason
follows within milliseconds."""


ADDRESS: Final = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
"""As BlueZ writes it, except for upper and lower case (org.bluez.Adapter(5), Address)."""


class BluezAdapter:
    """An adapter that is watched while it is open.

    ``fault`` is None until the adapter, bluetoothd or the bus is lost, or until an advertisement would be linkable;
    then it has the reason, ``faulted`` is set, and ``on_fault`` was called immediately, before anything else could run.
    """

    def __init__(
        self, name: str, on_fault: Callable[[], None], *, address: str = "", discoverable_too: bool = False
    ) -> None:
        """``name`` is the kernel's, ``hci0``, or the adapter's address, which stays when the kernel renumbers adapters.

        A known ``address`` takes precedence, because replugged adapters get other names.

        ``discoverable_too``: use a discoverable adapter all the same.
        """
        self.name = name
        self.path = f"/org/bluez/{name}"
        self.address = name.upper() if ADDRESS.fullmatch(name) else address
        self._discoverable_too = discoverable_too
        self.fault: RadioUnavailableError | None = None
        self.faulted = asyncio.Event()
        self.extended = False
        """Whether the controller has extended advertising; a legacy one can't change its address while it scans."""
        self.manufacturer: int | None = None
        """The controller's company identifier, if BlueZ reports it."""
        self.has_monitors = False
        """Whether bluetoothd allows passive scans (AdvertisementMonitor: ``bluetoothd -E``)."""
        self.bluez_version = "?"
        self._fault_soon: RadioUnavailableError | None = None
        self._on_fault = on_fault
        self._closing = False

    async def __aenter__(self) -> Self:
        """Connect and look at the adapter; raises RadioUnavailableError when it can't be used."""
        self._bus = await SystemBus().__aenter__()
        self._watch = asyncio.create_task(self._watch_bus())
        try:
            await self._bus.subscribe(self.name, self._signalled)
            await self._look()
            await self.require_usable()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection; bluetoothd then stops everything that it still advertises for this connection."""
        await self._close()

    async def _close(self) -> None:
        self._closing = True
        self._watch.cancel()
        await self._bus.__aexit__()
        await asyncio.wait([self._watch])

    async def _watch_bus(self) -> None:
        await self._bus.lost()
        self.fail(faults.bus_lost())

    async def _look(self) -> None:
        if not await self._bus.has_bluez(self.name):
            raise faults.no_service()
        objects = await self._bus.adapters(self.name)
        self._follow(objects)
        interfaces = objects.get(self.path)
        if interfaces is None:
            raise faults.no_adapter(self.name, _names(objects))
        self.address = interfaces[ADAPTER].get("Address", "")
        if interfaces[ADAPTER].get("Powered") and ADVERTISING_MANAGER not in interfaces:
            raise faults.no_advertising(self.name)
        self.extended = bool(interfaces.get(ADVERTISING_MANAGER, {}).get("SupportedSecondaryChannels"))
        self.manufacturer = interfaces[ADAPTER].get("Manufacturer")
        self.has_monitors = MONITOR_MANAGER in interfaces
        version = bluez_version(interfaces[ADAPTER])
        if version:
            self.bluez_version = f"{version[0]}.{version[1]}"

    def _follow(self, objects: dict[str, dict[str, Any]]) -> None:
        """Find the adapter by its address, once that is known: another adapter may have its name by now."""
        if not self.address:
            return
        paths = [path for path, known in objects.items() if known[ADAPTER].get("Address") == self.address]
        if not paths:
            raise faults.no_adapter(self.name, _names(objects)) if ":" in self.name else faults.lost(self.name)
        self.path = paths[0]
        self.name = self.path.rpartition("/")[2]

    async def require_usable(self) -> None:
        """Raise RadioUnavailableError when the adapter is lost, off, or discoverable; it is queried again."""
        if self.fault:
            raise self.fault
        (raw,) = await self._call(PROPERTIES, "GetAll", "s", ADAPTER)
        properties = unpack_variants(raw)
        if not properties.get("Powered"):
            raise faults.powered_off(self.name)
        if properties.get("Discoverable") and not self._discoverable_too:
            raise faults.discoverable(self.name)

    async def has_free_instance(self) -> bool:
        """Return whether one more advertisement can be registered."""
        (raw,) = await self._call(PROPERTIES, "GetAll", "s", ADVERTISING_MANAGER)
        return bool(unpack_variants(raw).get("SupportedInstances", 1))

    async def set_powered(self, *, on: bool) -> None:
        """Switch the adapter on or off; raises RadioUnavailableError."""
        await self._call(PROPERTIES, "Set", "ssv", ADAPTER, "Powered", Variant("b", on))

    def fail_soon(self, fault: RadioUnavailableError) -> None:
        """Set ``fault`` in a moment, unless another reason follows: the last one is the true one."""
        if self._fault_soon is None:
            asyncio.get_running_loop().call_later(REASON_SETTLES_S, self._fail_now)
        self._fault_soon = fault

    def _fail_now(self) -> None:
        if self._fault_soon is not None:
            self.fail(self._fault_soon)

    def _signalled(self, message: Message) -> None:
        match message.member, message.body:
            case "NameOwnerChanged", ["org.bluez", _, ""]:
                self.fail(faults.service_stopped())
            case "InterfacesRemoved", [self.path, interfaces] if ADAPTER in interfaces:
                self.fail_soon(faults.lost(self.name))
            case "PropertiesChanged", ["org.bluez.Adapter1", changed, _] if message.path == self.path:
                self._changed(unpack_variants(changed))

    def _changed(self, properties: dict[str, Any]) -> None:
        if properties.get("Discoverable") and not self._discoverable_too:
            asyncio.get_running_loop().call_later(FLIP_SETTLES_S, self.fail, faults.discoverable(self.name))
        elif properties.get("Powered") is False:
            self.fail_soon(faults.switched_off(self.name))

    def fail(self, fault: RadioUnavailableError) -> None:
        """Record why the adapter can't be used any more; the first reason is kept."""
        if self.fault is None and not self._closing:
            self.fault = fault
            self.faulted.set()
            self._on_fault()

    def export(self, path: str, interface: ServiceInterface) -> None:
        """Export an object on the bus."""
        self._bus.export(path, interface)

    def unexport(self, path: str) -> None:
        """Remove it from the bus."""
        self._bus.unexport(path)

    async def advertising(self, member: str, signature: str, *body: object) -> None:
        """Call the adapter's LEAdvertisingManager1; raises RadioUnavailableError when the call fails."""
        await self._call(ADVERTISING_MANAGER, member, signature, *body)

    def tell_advertising(self, member: str, signature: str, *body: object) -> None:
        """Send such a call immediately, without waiting for the answer."""
        self._bus.send(self.path, ADVERTISING_MANAGER, member, signature, *body)

    async def _call(self, interface: str, member: str, signature: str = "", *body: object) -> list[Any]:
        return await self._bus.call(self.name, self.path, interface, member, signature, *body)


def _names(objects: dict[str, dict[str, Any]]) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in objects)
