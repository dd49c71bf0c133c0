"""A door: one agent counts, a visitor holds a device near while another one stands by; then both hold theirs near."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any, Final

from bluezone_agent.app.device import Device
from bluezone_agent.app.door import gate, no_device
from tests.lab.guest import Agent, Guest

UID: Final = 1000
QUEUE_DBM: Final = -73
NEAR_DBM: Final = -58
STEPS: Final[tuple[tuple[str, int | None, int | None, float], ...]] = (
    ("queue", QUEUE_DBM, QUEUE_DBM + 1, 15),
    ("held", NEAR_DBM, QUEUE_DBM + 1, 6),
    ("back", QUEUE_DBM, QUEUE_DBM + 1, 15),
    ("again", NEAR_DBM, QUEUE_DBM + 1, 6),
    ("apart", QUEUE_DBM, QUEUE_DBM, 15),
    ("both", NEAR_DBM, NEAR_DBM - 1, 6),
    ("gone", None, QUEUE_DBM, 15),
    ("other", None, NEAR_DBM, 6),
)
"""What happens, how strongly the door receives the visitor and the bystander, and for how long."""
SLOW_S: Final = 6


async def play(guest: Guest) -> dict[str, Any]:
    """Return when each step began, and each line of the door: time, state, counts and whether the radio is fast."""
    radio = str(guest.options["radio"])
    guest.set_range(_range(QUEUE_DBM, QUEUE_DBM + 1))
    await guest.start()
    if radio == "kernel":
        await guest.start_broker(UID)
    agents = [
        Agent(
            guest,
            name,
            f'protocol = "{protocol}"\nclock_trusted = true\nradio = "{radio}:hci{i}"\n',
            uid=UID * (radio == "kernel"),
        )
        for i, (name, protocol) in enumerate((("door", "gaen"), ("visitor", "bluezone"), ("bystander", "gaen")))
    ]
    for agent in agents:
        await agent.start()
    await asyncio.sleep(5)
    if radio == "bluez":
        said = await agents[0].command("gate", "--json", "--for", f"{SLOW_S}s")
        return {"slow": said.as_json(), "stopped": [await agent.stop() for agent in agents]}
    lines: list[dict[str, Any]] = []
    reading = asyncio.create_task(_read(agents[0], lines))
    times = {}
    for name, visitor_dbm, bystander_dbm, lasts_s in STEPS:
        guest.set_range(_range(visitor_dbm, bystander_dbm))
        times[name] = time.time()
        await asyncio.sleep(lasts_s)
    await asyncio.to_thread(no_device, Device(agents[0].state_dir))
    await asyncio.sleep(1)
    reading.cancel()
    await asyncio.wait((reading,))
    report = await agents[0].command("gate", "report", "--json")
    return {
        "times": times,
        "lines": lines,
        "report": report.as_json(),
        "stopped": [await agent.stop() for agent in agents],
    }


def _range(visitor_dbm: int | None, bystander_dbm: int | None) -> dict[str, int | None]:
    return {"0>1": -80, "0>2": -80, "1>0": visitor_dbm, "2>0": bystander_dbm, "1>2": -60, "2>1": -60}


async def _read(agent: Agent, lines: list[dict[str, Any]]) -> None:
    async with aclosing(gate(Device(agent.state_dir))) as each:
        async for line in each:
            door = line.door
            if door is not None:
                lines.append(
                    {
                        "at_s": time.time(),
                        "state": door.state,
                        "in_with": door.counts.in_with,
                        "in_without": door.counts.in_without,
                        "fast": door.radio_fast,
                        "protocol": door.last.protocol if door.last else None,
                    }
                )
