"""An agent lives for hours beside a neighbour, over the real program; nothing happens to it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from tests.lab.guest import Agent, Guest


async def play(guest: Guest) -> dict[str, Any]:
    """Return from when to when it ran, and its last status."""
    await guest.start()
    stack = guest.options["stack"]
    if stack == "kernel":
        await guest.start_broker()
    agents = [Agent(guest, name, f'radio = "{stack}:hci{i}"\nclock_trusted = true\n') for i, name in enumerate("ab")]
    began_s = time.time()
    for agent in agents:
        await agent.start()
    await asyncio.sleep(guest.options["hours"] * 3600)
    ended_s = time.time()
    status = json.loads((await agents[0].command("status", "--json")).stdout)
    stopped = [(await agent.stop())[0] for agent in agents]
    return {"began_s": began_s, "ended_s": ended_s, "status": status, "stopped": stopped}
