"""``bluezone-agent doctor`` while one thing after the other is wrong, and when nothing is."""

from __future__ import annotations

import json
from typing import Any

from dbus_fast import Variant

from tests.lab.guest import Agent, Guest

NO_PRIVACY = "[Policy]\nAutoEnable=true\n"


async def play(guest: Guest) -> dict[str, Any]:
    """Return the exit code and the findings of each visit."""
    agent = Agent(guest, "a", "clock_trusted = true\n")
    missing = Agent(guest, "b", 'radio = "bluez:hci9"\nclock_trusted = true\n')

    async def visit(of: Agent = agent) -> dict[str, Any]:
        ended = await of.command("doctor", "--json")
        return {"code": ended.code, "stderr": ended.stderr, **json.loads(ended.stdout or "{}")}

    visits = {"no bus": await visit()}
    await guest.start_dbus()
    visits["no bluetoothd"] = await visit()
    await guest.start_controllers()
    await guest.start_bluetoothd(main_conf=f"[General]\nPrivacy = device\n{NO_PRIVACY}")
    visits["privacy"] = await visit()
    await guest.stop_bluetoothd()
    await guest.start_bluetoothd(main_conf=NO_PRIVACY)
    visits["well"] = await visit()
    visits["no such adapter"] = await visit(missing)
    await guest.set_adapter(0, "Discoverable", Variant("b", value=True))
    visits["discoverable"] = await visit()
    await guest.set_adapter(0, "Discoverable", Variant("b", value=False))
    await guest.set_adapter(0, "Powered", Variant("b", value=False))
    visits["powered off"] = await visit()
    return visits
