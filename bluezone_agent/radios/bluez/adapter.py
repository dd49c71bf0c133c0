"""One adapter of BlueZ over D-Bus: its state, calls to it, and the moment from which it can't be used."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Self

from dbus_fast import BusType, Message, MessageFlag, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusFastError
from dbus_fast.service import ServiceInterface

from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.radios.bluez import errors as faults

BLUEZ: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
ADVERTISING_MANAGER: Final = "org.bluez.LEAdvertisingManager1"
MONITOR_MANAGER: Final = "org.bluez.AdvertisementMonitorManager1"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
DBUS: Final = "org.freedesktop.DBus"

ANSWER_TIMEOUT_S: Final = 5.0
"""bluetoothd answers within milliseconds; a rotation of five calls stays below the 15 s that a command waits."""
LEAVING_TIMEOUT_S: Final = 1.5
"""Stop the scan, withdraw: two answers at most within the 5 s that a stop may take."""
FLIP_SETTLES_S: Final = 0.05
"""bluetoothd 5.66 changes the broadcast of an adapter that becomes discoverable. On an extended controller it crashes
when the broadcast is withdrawn before that is done (in the lab, each time), and then the identifier stays on the air
with the public address until somebody starts it again. It has told us before it has done it: so wait 50 ms."""
REASON_SETTLES_S: Final = 0.5
"""bluetoothd says Release and powers its adapters off before it leaves the bus or drops an adapter: the true reason
follows within milliseconds."""
SIGNALS: Final = (
    f"sender='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"sender='{BLUEZ}',interface='{PROPERTIES}',arg0='{ADAPTER}'",
    f"sender='{BLUEZ}',interface='{OBJECT_MANAGER}',member='InterfacesAdded'",
    f"sender='{BLUEZ}',interface='{OBJECT_MANAGER}',member='InterfacesRemoved'",
)
"""What can take an adapter away or bring it back."""
BLUEZ_MODALIAS: Final = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})")
"""The Linux Foundation's identity of BlueZ, whose device release is BlueZ's version."""


class BluezAdapter:
    """An adapter that is watched while it is open.

    ``fault`` is None until the adapter, bluetoothd or the bus is lost, or until a broadcast would be linkable;
    then it says why, ``faulted`` is set, and ``on_fault`` was called at once, before anything else could run.
    """

    def __init__(
        self, name: str, on_fault: Callable[[], None], *, address: str = "", discoverable_too: bool = False
    ) -> None:
        """``name`` is the kernel's: ``hci0``; a known ``address`` counts more, for replugged ones get other names.

        ``discoverable_too``: a discoverable adapter is used all the same.
        """
        self.name = name
        self.path = f"/org/bluez/{name}"
        self.address = address
        self._discoverable_too = discoverable_too
        self.fault: RadioUnavailableError | None = None
        self.faulted = asyncio.Event()
        self.extended = False
        """Whether the controller has extended advertising; a legacy one can't change its address while it scans."""
        self.manufacturer: int | None = None
        """The controller's company identifier, where BlueZ tells it."""
        self.has_monitors = False
        """Whether bluetoothd allows passive scans (AdvertisementMonitor: ``bluetoothd -E``)."""
        self.bluez_version = "?"
        self._fault_soon: RadioUnavailableError | None = None
        self._on_fault = on_fault
        self._closing = False

    async def __aenter__(self) -> Self:
        """Connect and look at the adapter; raises RadioUnavailableError when it can't be used."""
        self._bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._bus.connect()
        except AuthError as error:
            raise faults.forbidden(error) from error
        except (OSError, EOFError, DBusFastError) as error:  # TimeoutError is an OSError
            raise faults.no_bus(getattr(error, "strerror", None) or error or "no answer") from error
        self._watch = asyncio.create_task(self._watch_bus())
        try:
            await self._subscribe()
            await self._look()
            await self.require_usable()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection; bluetoothd takes whatever it still broadcasts for us off the air."""
        await self._close()

    async def _close(self) -> None:
        self._closing = True
        self._watch.cancel()
        self._bus.disconnect()
        await asyncio.wait([self._watch])

    async def _watch_bus(self) -> None:
        with suppress(OSError, EOFError, DBusFastError):
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # annotated nowhere in 5.2
        self.fail(faults.bus_lost())

    async def _subscribe(self) -> None:
        self._bus.add_message_handler(self._signalled)
        for rule in SIGNALS:
            await self._call(DBUS, "/org/freedesktop/DBus", DBUS, "AddMatch", "s", f"type='signal',{rule}")

    async def _look(self) -> None:
        (running,) = await self._call(DBUS, "/org/freedesktop/DBus", DBUS, "NameHasOwner", "s", BLUEZ)
        if not running:
            raise faults.no_service()
        (raw,) = await self._call(BLUEZ, "/", OBJECT_MANAGER, "GetManagedObjects")
        objects = {path: unpack_variants(known) for path, known in raw.items() if ADAPTER in known}
        self._follow(objects)
        interfaces = objects.get(self.path)
        if interfaces is None:
            raise faults.no_adapter(self.name, sorted(path.rpartition("/")[2] for path in objects))
        self.address = interfaces[ADAPTER].get("Address", "")
        if interfaces[ADAPTER].get("Powered") and ADVERTISING_MANAGER not in interfaces:
            raise faults.no_advertising(self.name)
        self.extended = bool(interfaces.get(ADVERTISING_MANAGER, {}).get("SupportedSecondaryChannels"))
        self.manufacturer = interfaces[ADAPTER].get("Manufacturer")
        self.has_monitors = MONITOR_MANAGER in interfaces
        version = BLUEZ_MODALIAS.fullmatch(interfaces[ADAPTER].get("Modalias", ""))
        if version:
            self.bluez_version = f"{int(version[1], 16)}.{int(version[2], 16)}"

    def _follow(self, objects: dict[str, dict[str, Any]]) -> None:
        """Find the adapter by its address, once that is known: another one may have its name by now."""
        if not self.address:
            return
        paths = [path for path, known in objects.items() if known[ADAPTER].get("Address") == self.address]
        if not paths:
            raise faults.lost(self.name)
        self.path = paths[0]
        self.name = self.path.rpartition("/")[2]

    async def require_usable(self) -> None:
        """Raise RadioUnavailableError when the adapter is lost, off, or discoverable; asks it afresh."""
        if self.fault:
            raise self.fault
        (raw,) = await self._call(BLUEZ, self.path, PROPERTIES, "GetAll", "s", ADAPTER)
        properties = unpack_variants(raw)
        if not properties.get("Powered"):
            raise faults.powered_off(self.name)
        if properties.get("Discoverable") and not self._discoverable_too:
            raise faults.discoverable(self.name)

    async def has_free_instance(self) -> bool:
        """Return whether one more advertisement can be registered."""
        (raw,) = await self._call(BLUEZ, self.path, PROPERTIES, "GetAll", "s", ADVERTISING_MANAGER)
        return bool(unpack_variants(raw).get("SupportedInstances", 1))

    async def set_powered(self, *, on: bool) -> None:
        """Switch the adapter on or off; raises RadioUnavailableError."""
        await self._call(BLUEZ, self.path, PROPERTIES, "Set", "ssv", ADAPTER, "Powered", Variant("b", on))

    def fail_soon(self, fault: RadioUnavailableError) -> None:
        """Note ``fault`` in a moment, unless another reason follows: the last one is the true one."""
        if self._fault_soon is None:
            asyncio.get_running_loop().call_later(REASON_SETTLES_S, self._fail_now)
        self._fault_soon = fault

    def _fail_now(self) -> None:
        if self._fault_soon is not None:
            self.fail(self._fault_soon)

    def _signalled(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
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
        """Note why the adapter can't be used any more; the first reason stands."""
        if self.fault is None and not self._closing:
            self.fault = fault
            self.faulted.set()
            self._on_fault()

    def export(self, path: str, interface: ServiceInterface) -> None:
        """Show an object of ours on the bus."""
        self._bus.export(path, interface)

    def unexport(self, path: str) -> None:
        """Take it away again."""
        self._bus.unexport(path)

    async def advertising(self, member: str, signature: str, *body: object) -> None:
        """Call the adapter's LEAdvertisingManager1; raises RadioUnavailableError when it does not do it."""
        await self._call(BLUEZ, self.path, ADVERTISING_MANAGER, member, signature, *body)

    def tell_advertising(self, member: str, signature: str, *body: object) -> None:
        """Send such a call at once and let nothing wait for the answer."""
        if self._bus.connected:
            self._bus.send(
                Message(
                    destination=BLUEZ,
                    path=self.path,
                    interface=ADVERTISING_MANAGER,
                    member=member,
                    signature=signature,
                    body=list(body),
                    flags=MessageFlag.NO_REPLY_EXPECTED | MessageFlag.NO_AUTOSTART,
                )
            )

    async def _call(
        self, destination: str, path: str, interface: str, member: str, signature: str = "", *body: object
    ) -> list[Any]:
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            flags=MessageFlag.NO_AUTOSTART,
        )
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reply = await self._bus.call(message)
        except TimeoutError as error:
            raise faults.unanswered(self.name, member, ANSWER_TIMEOUT_S) from error
        except (OSError, EOFError, DBusFastError) as error:
            raise faults.bus_lost() from error
        if reply.message_type is MessageType.ERROR:
            reason = reply.body[0] if reply.body else "no reason given"
            raise faults.refused(self.name, member, reply.error_name or "", reason)
        return reply.body
