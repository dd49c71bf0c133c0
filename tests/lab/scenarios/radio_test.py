"""Two devices that measure each other with ``selftest --radio``, as the manual says, while an agent runs on one."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from tests.lab.guest import Agent, Guest

UID: Final = 1000
SECONDS: Final = 90


async def play(guest: Guest) -> dict[str, Any]:
    """Return both reports; with ``auto`` also what the agent and the doctor say with a broker and without one."""
    radio = guest.options["radio"]
    await guest.start()
    config = 'radio = "{}"\nprotocol = "gaen"\nclock_trusted = true\n'
    first, second = (
        Agent(guest, name, config.format(f"{radio}:hci{number}"), uid=0 if radio == "bluez" else UID)
        for number, name in enumerate(("first", "second"))
    )
    seen: dict[str, Any] = {}
    if radio != "bluez":
        await guest.start_broker(UID)
    if radio == "auto":
        await first.start()
        await asyncio.sleep(10)
        seen["agent"] = json.loads((await first.command("status", "--json")).stdout)["radio"]
    reports = await asyncio.gather(*(_test(device) for device in (first, second)))
    if radio == "auto":
        await asyncio.sleep(10)
        seen["agent_again"] = json.loads((await first.command("status", "--json")).stdout)["radio"]
        seen["doctor"] = await _broker_finding(first)
        await guest.stop_broker()
        await asyncio.sleep(90)
        seen["agent_without"] = json.loads((await first.command("status", "--json")).stdout)["radio"]
        seen["doctor_without"] = await _broker_finding(first)
        await first.stop()
    return {"reports": reports, **seen}


async def _test(device: Agent) -> dict[str, Any]:
    done = await device.command("selftest", "--radio", "--seconds", str(SECONDS), "--json")
    return {"code": done.code, "said": done.stderr, "report": json.loads(done.stdout) if done.stdout else None}


async def _broker_finding(device: Agent) -> dict[str, Any]:
    findings = json.loads((await device.command("doctor", "--json")).stdout)["findings"]
    return next(f for f in findings if f["check"] == "broker")
