"""What a crowd costs through D-Bus and through the kernel's radio, in one run, in real time."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from tests.lab.guest import Agent, Guest
from tests.lab.scenarios.cost import used_s

UID: Final = 1000
WARM_S: Final = 15
LASTS_S: Final = 60
"""Adverts are counted in the store once a minute."""


async def play(guest: Guest) -> dict[str, Any]:
    """Return for each stack the adverts of the whole life, and the CPU of the measured part by process."""
    await guest.start()
    found = {"bluez": await _measure(guest, Agent(guest, "bluez", _config("bluez")))}
    await guest.start_broker(UID)
    found["kernel"] = await _measure(guest, Agent(guest, "kernel", _config("kernel"), uid=UID))
    return found


def _config(stack: str) -> str:
    return f'radio = "{stack}:hci0"\nclock_trusted = true\n'


async def _measure(guest: Guest, agent: Agent) -> dict[str, Any]:
    await agent.start()
    await asyncio.sleep(WARM_S)
    processes = {"agent": agent.pid, **guest.services()}
    before = {name: used_s(pid) for name, pid in processes.items()}
    await asyncio.sleep(LASTS_S)
    cpu_s = {name: used_s(pid) - before[name] for name, pid in processes.items()}
    await agent.stop()
    status = json.loads((await agent.command("status", "--json")).stdout)
    return {
        "adverts": status["received_adverts"],
        "adverts_in_s": WARM_S + LASTS_S,
        "cpu_s": cpu_s,
        "cpu_in_s": LASTS_S,
    }
