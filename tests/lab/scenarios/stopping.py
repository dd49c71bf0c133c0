"""An agent that runs and is stopped, in real time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.lab.guest import Agent, Guest


async def play(guest: Guest) -> dict[str, Any]:
    """Return when SIGTERM was sent, how long the agent then took, and its exit code."""
    await guest.start()
    agent = Agent(guest, "a", "clock_trusted = true\n")
    await agent.start()
    await asyncio.sleep(8)
    at_s = time.time()
    code, took_s = await agent.stop()
    await asyncio.sleep(4)
    return {"at_s": at_s, "code": code, "took_s": took_s, "stderr": agent.log()}
