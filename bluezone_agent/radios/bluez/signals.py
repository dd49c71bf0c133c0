"""The signals by which BlueZ says that something has changed, for whoever waits for an adapter."""

from __future__ import annotations

import asyncio
from typing import Final, Self

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusFastError

from bluezone_agent.radios.bluez import errors as faults
from bluezone_agent.radios.bluez.adapter import ANSWER_TIMEOUT_S, DBUS, SIGNALS

SETTLE_S: Final = 0.2
"""An adapter that comes up says so in several signals; look once after them."""


class Signals:
    """A connection of its own that notices every change of bluetoothd and of its adapters."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect and subscribe; raises RadioUnavailableError where there is no bus."""
        self._bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._bus.connect()
                self._bus.add_message_handler(self._signalled)
                for rule in SIGNALS:
                    await self._bus.call(_match(f"type='signal',{rule}"))
        except AuthError as error:
            raise faults.forbidden(error) from error
        except (OSError, EOFError, DBusFastError) as error:  # TimeoutError is an OSError
            self._bus.disconnect()
            raise faults.no_bus(getattr(error, "strerror", None) or error or "no answer") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        self._bus.disconnect()

    async def change(self) -> None:
        """Return after the next change, or one since the last call; for ever when the bus itself goes."""
        await self._changed.wait()
        await asyncio.sleep(SETTLE_S)
        self._changed.clear()

    def _signalled(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            self._changed.set()


def _match(rule: str) -> Message:
    return Message(
        destination=DBUS, path="/org/freedesktop/DBus", interface=DBUS, member="AddMatch", signature="s", body=[rule]
    )
