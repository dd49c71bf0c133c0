"""An agent that runs and is stopped, in real time."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from tests.lab.guest import Agent, Guest, until

STARTS_WITHIN_S: Final = 120
"""In real time on a busy machine, with a broker to start as well."""


async def play(guest: Guest) -> dict[str, Any]:
    """Return when SIGTERM was sent, how long the agent then took, and its exit code."""
    await guest.start()
    agent = Agent(guest, "a", f'radio = "{guest.options["radio"]}"\nclock_trusted = true\n')
    await agent.start()
    await until(lambda: _broadcasts(guest), STARTS_WITHIN_S)
    await asyncio.sleep(8)
    at_s = time.time()
    code, took_s = await agent.stop()
    await asyncio.sleep(4)
    return {"at_s": at_s, "code": code, "took_s": took_s, "stderr": agent.log()}


def _broadcasts(guest: Guest) -> bool:
    return "ADVERTISING_ENABLE_COMMAND" in (guest.out / "hci.log").read_text()
