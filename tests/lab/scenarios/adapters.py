"""An agent with two adapters and a peer with one: who proves what is on the air.

A broadcasts on adapter 0 and listens with 0 and 1; B, the peer, has adapter 2; the last one is nobody's.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

from tests.lab.guest import Agent, Ended, Guest

REPORT: Final = "/run/b.report"
RUNNING_S: Final = 150
DEAF_S: Final = 400
DEAF: Final = {"0>1": None}
NOBODY: Final = {"0>1": None, "0>2": None}


async def play(guest: Guest) -> dict[str, Any]:
    """Return what each command said, as JSON, with its exit code."""
    stack = guest.options["stack"]
    if stack == "hci":
        await guest.start_controllers()
    else:
        await guest.start()
    names = [f"{stack}:{'' if stack == 'hci' else 'hci'}{n}" for n in range(4)]
    common = 'protocol = "gaen"\nclock_trusted = true\n'
    a = Agent(guest, "a", f"{common}radio = {json.dumps(names[:2])}\n")
    b = Agent(guest, "b", f'{common}radio = "{names[2]}"\n')
    said: dict[str, Any] = {}

    def keep(name: str, ended: Ended) -> None:
        said[name] = {"code": ended.code, "stderr": ended.stderr, **json.loads(ended.stdout or "{}")}

    keep("two adapters", await a.command("selftest", "--json"))
    guest.set_range(DEAF)
    await asyncio.sleep(1)
    keep("deaf", await a.command("selftest", "--json"))
    guest.set_range({})
    await a.start()
    await b.start()
    said["both_on_air_s"] = time.time()
    await asyncio.sleep(RUNNING_S)
    keep("status", await a.command("status", "--json"))
    keep("doctor", await a.command("doctor", "--json"))
    keep("running", await a.command("selftest", "--json"))
    guest.set_range(DEAF)
    await asyncio.sleep(DEAF_S)
    keep("status deaf", await a.command("status", "--json"))
    keep("report", await b.command("selftest", "--listen", "60", "--report", REPORT, "--name", "B", "--json"))
    keep("peer", await a.command("selftest", "--peer", REPORT, "--json"))
    keep("status peer", await b.command("status", "--json"))
    guest.set_range(NOBODY)
    await asyncio.sleep(90)
    keep("report deaf", await b.command("selftest", "--listen", "60", "--report", REPORT + "2", "--json"))
    keep("peer deaf", await a.command("selftest", "--peer", REPORT + "2", "--json"))
    said["codes"] = [(await agent.stop())[0] for agent in (a, b)]
    keep("contacts a", await a.command("contacts", "--json"))
    return said
