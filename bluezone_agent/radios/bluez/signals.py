"""The signals by which BlueZ reports changes, for code that waits for an adapter."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Final, Self

from dbus_fast import Message

from bluezone_agent.radios.bluez.bus import BLUEZ, SystemBus

SETTLE_S: Final = 0.2
"""An adapter that comes up sends several signals; look once after them."""


class Signals:
    """A separate connection that notices every change of bluetoothd and of its adapters."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._bus = SystemBus()

    async def __aenter__(self) -> Self:
        """Connect and subscribe; raises RadioUnavailableError if there is no bus."""
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(self._bus)
            await self._bus.subscribe(BLUEZ, self._signalled)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def change(self) -> None:
        """Return after the next change, or one since the last call; never, if the bus itself is gone."""
        await self._changed.wait()
        await asyncio.sleep(SETTLE_S)
        self._changed.clear()

    def _signalled(self, _: Message) -> None:
        self._changed.set()
