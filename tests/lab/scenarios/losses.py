"""What takes the radio away from an agent that runs, one thing after the other."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from dbus_fast import Variant

from tests.lab.guest import Agent, Guest

RUNNING_S: Final = 30
AFTER_S: Final = 10


async def play(guest: Guest) -> dict[str, Any]:
    """Return for each loss when it happened, and how and after how long the agent ended."""
    await guest.start()
    extra = guest.out / "extra"
    extra.mkdir()
    plugged = await guest.attach(extra, 1, first=guest.options["controllers"])
    await guest.powered(guest.options["controllers"])

    async def discoverable() -> None:
        await guest.set_adapter(0, "Discoverable", Variant("b", value=True))

    async def powered_off() -> None:
        await guest.set_adapter(0, "Powered", Variant("b", value=False))

    async def unplugged() -> None:
        plugged.send_signal(signal.SIGTERM)

    lost = {"discoverable": await _lose(guest, "hci0", discoverable)}
    await guest.set_adapter(0, "Discoverable", Variant("b", value=False))
    lost["powered off"] = await _lose(guest, "hci0", powered_off)
    await guest.set_adapter(0, "Powered", Variant("b", value=True))
    lost["unplugged"] = await _lose(guest, f"hci{guest.options['controllers']}", unplugged)
    lost["bluetoothd stopped"] = await _lose(guest, "hci0", guest.stop_bluetoothd)
    await guest.start_bluetoothd()
    lost["bluetoothd killed"] = await _lose(guest, "hci0", lambda: guest.stop_bluetoothd(signal.SIGKILL))
    await guest.start_bluetoothd()
    lost["bus killed"] = await _lose(guest, "hci0", guest.stop_dbus)
    return lost


async def _lose(guest: Guest, adapter: str, happens: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    agent = Agent(guest, happens.__name__.strip("<>"), f'radio = "bluez:{adapter}"\nclock_trusted = true\n')
    said = len(agent.log())
    await agent.start()
    await asyncio.sleep(RUNNING_S)
    at_s = time.time()
    await happens()
    code = await agent.ends()
    ended_s = time.time()
    await asyncio.sleep(AFTER_S)
    return {"at_s": at_s, "code": code, "took_s": ended_s - at_s, "stderr": agent.log()[said:]}
