"""The connection to the D-Bus system bus: calls with a timeout, signals, and D-Bus errors as radio errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Final, Self

from dbus_fast import BusType, Message, MessageFlag, MessageType, unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusFastError
from dbus_fast.service import ServiceInterface

from bluezone_agent.radios.bluez import errors as faults

BLUEZ: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
ADVERTISING_MANAGER: Final = "org.bluez.LEAdvertisingManager1"
MONITOR_MANAGER: Final = "org.bluez.AdvertisementMonitorManager1"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
DBUS: Final = "org.freedesktop.DBus"
DBUS_PATH: Final = "/org/freedesktop/DBus"

ANSWER_TIMEOUT_S: Final = 5.0
"""bluetoothd answers within milliseconds; a rotation of five calls stays below the 15 s that a command waits."""
SIGNALS: Final = (
    f"sender='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"sender='{BLUEZ}',interface='{PROPERTIES}',arg0='{ADAPTER}'",
    f"sender='{BLUEZ}',interface='{OBJECT_MANAGER}',member='InterfacesAdded'",
    f"sender='{BLUEZ}',interface='{OBJECT_MANAGER}',member='InterfacesRemoved'",
)
"""Signals that can take an adapter away or bring it back."""
BLUEZ_MODALIAS: Final = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})")
"""BlueZ's identity as a Linux Foundation device; the device release is BlueZ's version."""


class SystemBus:
    """One connection. No call over it starts bluetoothd."""

    async def __aenter__(self) -> Self:
        """Connect; raises RadioUnavailableError if there is no bus, or none for this user."""
        with ExitStack() as undo:
            try:
                self._bus = MessageBus(bus_type=BusType.SYSTEM)
                undo.callback(self._bus.disconnect)
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await self._bus.connect()
            except AuthError as error:
                raise faults.forbidden(error) from error
            except (OSError, EOFError, DBusFastError) as error:  # TimeoutError is an OSError
                raise faults.no_bus(getattr(error, "strerror", None) or error or "no answer") from error
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection; bluetoothd then stops everything that it advertises for it."""
        self._bus.disconnect()

    async def lost(self) -> None:
        """Return when the connection has ended, whoever ended it."""
        with suppress(OSError, EOFError, DBusFastError):
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # annotated nowhere in 5.2

    async def call(
        self, about: str, path: str, interface: str, member: str, signature: str = "", *body: object
    ) -> list[Any]:
        """Return bluetoothd's answer; raises RadioUnavailableError, which names ``about``, on an error or timeout."""
        return await self._answer(about, _to_bluez(path, interface, member, signature, body))

    def send(self, path: str, interface: str, member: str, signature: str, *body: object) -> None:
        """Send bluetoothd a call without waiting for the answer."""
        if self._bus.connected:
            flags = MessageFlag.NO_REPLY_EXPECTED | MessageFlag.NO_AUTOSTART
            self._bus.send(_to_bluez(path, interface, member, signature, body, flags=flags))

    async def has_bluez(self, about: str) -> bool:
        """Return whether bluetoothd is on the bus; raises RadioUnavailableError."""
        (running,) = await self._answer(about, _to_bus("NameHasOwner", BLUEZ))
        return bool(running)

    async def adapters(self, about: str) -> dict[str, dict[str, dict[str, Any]]]:
        """Return bluetoothd's adapters: path → interface → property → value; raises RadioUnavailableError."""
        (objects,) = await self.call(about, "/", OBJECT_MANAGER, "GetManagedObjects")
        return {path: unpack_variants(known) for path, known in objects.items() if ADAPTER in known}

    async def subscribe(self, about: str, received: Callable[[Message], None]) -> None:
        """Have ``received`` called for each of :data:`SIGNALS`; raises RadioUnavailableError."""

        def handle(message: Message) -> None:
            if message.message_type is MessageType.SIGNAL:
                received(message)

        self._bus.add_message_handler(handle)
        for rule in SIGNALS:
            await self._answer(about, _to_bus("AddMatch", f"type='signal',{rule}"))

    def export(self, path: str, interface: ServiceInterface) -> None:
        """Export an object on the bus."""
        self._bus.export(path, interface)

    def unexport(self, path: str) -> None:
        """Remove it from the bus."""
        self._bus.unexport(path)

    async def _answer(self, about: str, message: Message) -> list[Any]:
        member = message.member or ""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reply = await self._bus.call(message)
        except TimeoutError as error:
            raise faults.unanswered(about, member, ANSWER_TIMEOUT_S) from error
        except (OSError, EOFError, DBusFastError) as error:
            raise faults.bus_lost() from error
        if reply.message_type is MessageType.ERROR:
            reason = reply.body[0] if reply.body else "no reason given"
            raise faults.refused(about, member, reply.error_name or "", reason)
        return reply.body


def _to_bluez(
    path: str,
    interface: str,
    member: str,
    signature: str,
    body: tuple[object, ...],
    *,
    flags: MessageFlag = MessageFlag.NO_AUTOSTART,
) -> Message:
    return Message(BLUEZ, path, interface, member, signature=signature, body=list(body), flags=flags)


def _to_bus(member: str, argument: str) -> Message:
    return Message(DBUS, DBUS_PATH, DBUS, member, signature="s", body=[argument])


def bluez_version(adapter: dict[str, Any]) -> tuple[int, int] | None:
    """Return BlueZ's version from an adapter's properties, None if they do not have it."""
    version = BLUEZ_MODALIAS.fullmatch(adapter.get("Modalias", ""))
    return (int(version[1], 16), int(version[2], 16)) if version else None
