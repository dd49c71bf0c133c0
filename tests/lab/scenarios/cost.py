"""What the whole daemon costs in a crowd, in real time."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, Final

from tests.lab.guest import Agent, Guest

WARM_S: Final = 15
LASTS_S: Final = 70
"""Adverts are counted in the store once a minute."""


async def play(guest: Guest) -> dict[str, Any]:
    """Return CPU seconds and adverts of the same time, and memory, of the daemon and of bluetoothd."""
    await guest.start()
    agent = Agent(guest, "a", 'radio = "bluez:hci0"\nclock_trusted = true\n')
    await agent.start()
    await asyncio.sleep(WARM_S)
    starting_s = used_s(agent.pid)
    await asyncio.sleep(LASTS_S)
    cpu_s, memory_kib = used_s(agent.pid), _resident_kib(agent.pid)
    code, _ = await agent.stop()
    status = json.loads((await agent.command("status", "--json")).stdout)
    return {
        "adverts": status["received_adverts"],
        "adverts_in_s": WARM_S + LASTS_S,
        "cpu_s": cpu_s - starting_s,
        "cpu_in_s": LASTS_S,
        "starting_cpu_s": starting_s,
        "resident_kib": memory_kib,
        "code": code,
    }


def used_s(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))
