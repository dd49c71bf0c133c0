"""``bluezone-agent run`` where it must not run, each time with what is wrong mended afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

from bleak import BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from dbus_fast import Variant

from tests.lab.guest import Agent, Guest


async def play(guest: Guest) -> dict[str, Any]:
    """Return how each attempt ended."""
    agent = Agent(guest, "a", 'radio = "bluez:hci0"\nclock_trusted = true\n')
    ended = {
        "no controller": await Agent(guest, "c", "clock_trusted = true\n").command("run"),
        "no bus": await agent.command("run"),
    }
    await guest.start_dbus()
    ended["no bluetoothd"] = await agent.command("run")
    await guest.start_controllers()
    await guest.start_bluetoothd(main_conf="[General]\nPrivacy = device\n[Policy]\nAutoEnable=true\n")
    ended["privacy"] = await agent.command("run")
    await guest.stop_bluetoothd()
    await guest.start_bluetoothd()
    ended["no adapter"] = await Agent(guest, "b", 'radio = "bluez:hci9"\n').command("run")
    await guest.set_adapter(0, "Powered", Variant("b", value=False))
    ended["powered off"] = await agent.command("run")
    await guest.set_adapter(0, "Powered", Variant("b", value=True))
    await guest.set_adapter(0, "Discoverable", Variant("b", value=True))
    ended["discoverable"] = await agent.command("run")
    await guest.set_adapter(0, "Discoverable", Variant("b", value=False))
    if not guest.options["extended"]:
        async with BleakScanner(bluez=BlueZScannerArgs(adapter="hci0")):
            await asyncio.sleep(1)
            ended["another scans"] = await agent.command("run")
    return {name: end.as_json() for name, end in ended.items()}
