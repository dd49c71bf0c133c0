"""One agent looks who is near while another comes, moves away, and leaves: through D-Bus or the kernel's radio."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any, Final

from bluezone_agent.app.around import live
from bluezone_agent.app.device import Device
from tests.lab.guest import Agent, Guest

UID: Final = 1000
NEAR: Final[dict[str, int | None]] = {"0>1": -60, "1>0": -60}
FAR: Final[dict[str, int | None]] = {"0>1": -95, "1>0": -95}
NOBODY: Final[dict[str, int | None]] = {"0>1": None, "1>0": None}
BEFORE_S: Final = 20
STAYS_S: Final = 60
AFTER_S: Final = 60


async def play(guest: Guest) -> dict[str, Any]:
    """Return when the other one came, moved away and left, and each line: time, bands and ages."""
    radio = str(guest.options["radio"])
    guest.set_range(NOBODY)
    await guest.start()
    if radio == "kernel":
        await guest.start_broker(UID)
    agents = [
        Agent(
            guest,
            name,
            f'protocol = "gaen"\nclock_trusted = true\nradio = "{radio}:hci{i}"\n',
            uid=UID * (radio == "kernel"),
        )
        for i, name in enumerate("ab")
    ]
    for agent in agents:
        await agent.start()
    await asyncio.sleep(BEFORE_S)
    lines: list[dict[str, Any]] = []
    reading = asyncio.create_task(_read(agents[0], lines))
    times = await _steps(guest)
    reading.cancel()
    stopped = [await agent.stop() for agent in agents]
    return {"times": times, "lines": lines, "stopped": stopped}


async def _steps(guest: Guest) -> dict[str, float]:
    times = {}
    await asyncio.sleep(5)
    for name, table, lasts_s in (("came", NEAR, STAYS_S), ("moved", FAR, STAYS_S), ("left", NOBODY, AFTER_S)):
        guest.set_range(table)
        times[name] = time.time()
        await asyncio.sleep(lasts_s)
    return times


async def _read(agent: Agent, lines: list[dict[str, Any]]) -> None:
    async with aclosing(live(Device(agent.state_dir))) as each:
        async for line in each:
            found = [[n.pseudonym, n.closeness, n.received_s] for n in line.neighbours]
            seen = {"at_s": time.time(), "state": line.state, "sparse": line.radio.sparse, "neighbours": found}
            lines += [seen]
