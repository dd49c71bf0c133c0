"""Three agents: A and B meet for 30 minutes, C is elsewhere; A falls ill; B and C check.

Every agent is a real process with its own state, configuration and controller: A hci0, B hci1, C hci2.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from itertools import permutations
from pathlib import Path
from typing import Any, Final

from tests.lab.guest import CLI, Agent, Guest, run

NO_OTHERS: Final[dict[str, int | None]] = {f"{a}>{b}": None for a, b in permutations("012", 2)}
TOGETHER: Final = NO_OTHERS | {"0>1": -50, "1>0": -50}
BEFORE_S: Final = 300
"""Booted at the beginning of a slot, they meet 5 minutes into it: a Bluezone ID is met for 10, 15 and 5 minutes."""
MEETING_S: Final = 1800
OVER_S: Final = 900
"""A cut key is over with its slot, of 15 minutes at most; one that is still valid is not matched."""
SUBMISSION: Final = "/run/a.submission"
PUBLIC: Final = Path("/run/public")
AUTHORITY: Final = Path("/run/authority")


async def play(guest: Guest) -> dict[str, Any]:
    """Return when they met and left, how the commands ended and what the checks found."""
    guest.set_range(NO_OTHERS)
    await guest.start()
    config = f'protocol = "{guest.options["protocol"]}"\nclock_trusted = true\n'
    agents = [Agent(guest, name, f'{config}radio = "bluez:hci{i}"\n') for i, name in enumerate("abc")]
    a, b, c = agents
    for agent in agents:
        await agent.start()
    times = await _meet(guest)
    commands = {"export": await a.command("keys", "export", SUBMISSION, "--yes")}
    await asyncio.sleep(OVER_S + 60)
    commands["init"] = await run(*CLI, "authority", "init", str(AUTHORITY), "--key-id", "452", "--key-version", "v1")
    publish = (*CLI, "authority", "publish", SUBMISSION, "--key", str(AUTHORITY), "--to", str(PUBLIC))
    commands["publish"] = await run(*publish)
    source = re.sub('location = ".*?"', f'location = "{PUBLIC}"', commands["init"].stdout, count=1)
    for name, agent in (("check_b", b), ("check_c", c)):
        agent.config.write_text(agent.config.read_text() + "\n" + source)
        commands[name] = await agent.command("check", "--json")
    times["stop"] = time.time()
    stopped = [await agent.stop() for agent in agents]
    await asyncio.sleep(10)
    shutil.copytree("/run/state", guest.out / "state", ignore=shutil.ignore_patterns("*.sock"))
    return {
        "times": times,
        "stopped": stopped,
        "commands": {name: ended.as_json() for name, ended in commands.items()},
        "checks": {name: json.loads(commands[name].stdout or "null") for name in ("check_b", "check_c")},
    }


async def _meet(guest: Guest) -> dict[str, float]:
    times = {}
    await asyncio.sleep(BEFORE_S)
    guest.set_range(TOGETHER)
    times["met"] = time.time()
    await asyncio.sleep(MEETING_S)
    guest.set_range(NO_OTHERS)
    times["left"] = time.time()
    await asyncio.sleep(60)
    return times
