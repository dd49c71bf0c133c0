"""An agent that may not do everything, or that its operator lets do more: each is said, none ends it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus

from bluezone_agent.radios.bluez.advertisement import Advertisement
from tests.lab.guest import Agent, Guest
from tests.radio_contract import advertisements

RUNNING_S: Final = 40
CONFIG: Final = 'clock_trusted = true\nradio = "bluez:hci0"\n'


async def play(guest: Guest) -> dict[str, Any]:
    """Return for each case from when to when the agent ran, and its status."""
    await guest.start()
    seen = {}
    async with _all_instances(guest):
        seen["no instance left"] = await _run(guest, "a", CONFIG)
    await guest.set_adapter(0, "Discoverable", Variant("b", value=True))
    seen["discoverable"] = await _run(guest, "b", CONFIG + 'allow_linkable = ["discoverable"]\n')
    await guest.set_adapter(0, "Discoverable", Variant("b", value=False))
    await guest.stop_bluetoothd()
    await guest.start_bluetoothd(main_conf="[General]\nPrivacy = device\n[Policy]\nAutoEnable=true\n")
    seen["privacy"] = await _run(guest, "c", CONFIG + 'allow_linkable = ["privacy"]\n')
    return seen


async def _run(guest: Guest, name: str, config: str) -> dict[str, Any]:
    agent = Agent(guest, name, config)
    began_s = time.time()
    await agent.start()
    await asyncio.sleep(RUNNING_S)
    status = json.loads((await agent.command("status", "--json")).stdout)
    said = (await agent.command("--lang", "en", "status")).stdout
    code, _ = await agent.stop()
    await asyncio.sleep(5)
    return {"began_s": began_s, "ended_s": time.time() - 5, "code": code, "status": status, "said": said}


@asynccontextmanager
async def _all_instances(guest: Guest) -> AsyncIterator[None]:
    """Have another program hold every advertising instance of the first adapter."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    advertising_data = advertisements("gaen", 1)[0]
    try:
        for number in range(256):  # a controller may have 240 sets
            path = f"/org/example/ad{number}"
            bus.export(path, Advertisement(advertising_data, lambda: None))
            reply = await bus.call(
                Message(
                    destination="org.bluez",
                    path="/org/bluez/hci0",
                    interface="org.bluez.LEAdvertisingManager1",
                    member="RegisterAdvertisement",
                    signature="oa{sv}",
                    body=[path, {}],
                )
            )
            if reply.error_name:
                break
        yield
    finally:
        bus.disconnect()
        await asyncio.sleep(1)
