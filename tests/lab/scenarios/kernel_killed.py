"""Agents with the kernel's radio that are killed at random moments, and agents and brokers that are killed together.

The agents are an unprivileged user's. Those of root start a broker of their own, without systemd.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.lab.guest import Agent, Guest

UID: Final = 1000
LONGEST_S: Final = 12.0
REST_S: Final = 3.0
ORPHANED_S: Final = 40
SLOT_S: Final = 900
CONFIG: Final = 'radio = "kernel:hci0"\nclock_trusted = true\n'


async def play(guest: Guest) -> dict[str, Any]:
    """Return when each agent was killed; when agent and broker were, and when the next broker was there."""
    await guest.start()
    root = await _root_without_broker(guest)
    await guest.start_broker(UID)
    killed = await _killed(guest, guest.options["kills"])
    together = await _both_killed(guest)
    untouched_s = time.time()
    await guest.start_broker(UID)
    agent = Agent(guest, "alone", CONFIG, uid=UID)
    await agent.start()
    await asyncio.sleep(LONGEST_S)
    await _kill_both(guest, agent)
    await asyncio.sleep(SLOT_S + 10)
    return {"killed": killed, "together": together, "untouched_s": untouched_s, "root": root}


async def _killed(guest: Guest, kills: int) -> list[float]:
    random, killed = Random(kills), []
    for number in range(kills):
        agent = Agent(guest, f"k{number}", CONFIG, uid=UID)
        await agent.start()
        await asyncio.sleep(random.uniform(0.2, LONGEST_S))
        await agent.kill()
        killed.append(time.time())
        await asyncio.sleep(REST_S)
    return killed


async def _both_killed(guest: Guest) -> dict[str, float]:
    agent = Agent(guest, "both", CONFIG, uid=UID)
    await agent.start()
    await asyncio.sleep(LONGEST_S)
    killed_s = await _kill_both(guest, agent)
    await asyncio.sleep(ORPHANED_S)
    started_s = time.time()
    await guest.start_broker(UID)
    await asyncio.sleep(REST_S)
    again = Agent(guest, "again", CONFIG, uid=UID)
    await again.start()
    await asyncio.sleep(LONGEST_S)
    await again.stop()
    await guest.stop_broker()
    return {"killed_s": killed_s, "started_s": started_s}


async def _kill_both(guest: Guest, agent: Agent) -> float:
    await guest.stop_broker(signal.SIGKILL)
    await agent.kill()
    return time.time()


async def _root_without_broker(guest: Guest) -> dict[str, Any]:
    """Run the agent as root without systemd; it starts a broker, and both give up their privileges."""
    agent = Agent(guest, "root", CONFIG)
    await agent.start()
    await asyncio.sleep(LONGEST_S)
    broker = next(pid for pid in _children(agent.pid) if "kernel.broker" in _command(pid))
    privileges = [_privileges(pid) for pid in (agent.pid, broker)]
    await agent.kill()
    killed_s = time.time()
    await asyncio.sleep(REST_S)
    return {"privileges": privileges, "killed_s": killed_s, "broker_left": "kernel.broker" in _command(broker)}


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = path.read_text().rpartition(")")[2].split()
        if int(fields[1]) == parent:
            found.append(int(path.parent.name))
    return found


def _command(pid: int) -> str:
    """Return what a process runs, or nothing if it has ended."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_bytes().replace(b"\0", b" ").decode() if path.exists() else ""


def _privileges(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: fields[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")}
