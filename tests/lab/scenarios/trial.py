"""A field trial of three devices on three controllers, whose distances change with the phases of the plan.

The third one's clock is ahead. The second one is killed in the last phase and started again; ``trial live`` watches.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import time
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any, Final

from bluezone_agent.trials.folder import make_folder
from tests.lab.guest import CLI, Guest, run, until

FOLDER: Final = Path("/run/trial")
CONFIG: Final = Path("/run/agent.toml")
STATE: Final = Path("/run/state")
AHEAD_S: Final = 7
STARTS_IN_S: Final = 60
EXTENDED_S, LEGACY_S = 0.235, 0.125
"""The middle of 200-270 ms, and of the 100-150 ms that the kernel takes on a legacy controller."""
PHASES: Final = {
    "near": (180, {"pi-1": (0, 0), "pi-2": (1, 0), "pi-3": (0, 2)}),
    "apart": (180, {"pi-1": (0, 0), "pi-2": (4, 0), "pi-3": (0, 6)}),
    "last": (300, {"pi-1": (0, 0), "pi-2": (2, 0), "pi-3": (0, 2)}),
}
"""Seconds, and positions."""
RSSI_DBM: Final[dict[str, dict[frozenset[int], int]]] = {
    "near": {frozenset({0, 1}): -55, frozenset({0, 2}): -62, frozenset({1, 2}): -63},
    "apart": {frozenset({0, 1}): -68, frozenset({0, 2}): -74, frozenset({1, 2}): -76},
    "last": {frozenset({0, 1}): -61, frozenset({0, 2}): -62, frozenset({1, 2}): -65},
}
KILLED_AFTER_S: Final = 60
DEAD_FOR_S: Final = 90
"""Of the last phase."""


async def play(guest: Guest) -> dict[str, Any]:
    """Return when everything happened, and how the commands ended; the folder of the trial is beside the logs."""
    guest.set_range(_table("near"))
    await guest.start()
    await guest.start_broker()
    CONFIG.write_text("clock_trusted = true\n")
    STATE.mkdir(mode=0o700)
    starts_s = int(time.time()) + STARTS_IN_S
    make_folder(FOLDER, _plan(starts_s, EXTENDED_S if guest.options["extended"] else LEGACY_S).encode())
    nodes = [await _node(guest, number) for number in range(3)]
    await until(lambda: all((FOLDER / "devices" / f"pi-{n}" / "trial.sock").exists() for n in (1, 2, 3)))
    with (guest.out / "live.jsonl").open("w") as lines, (guest.out / "live.log").open("w") as log:
        live = await asyncio.create_subprocess_exec(
            *_command("trial", "live", str(FOLDER), "--json"), stdout=lines, stderr=log
        )
    times = {"start": float(starts_s)}
    at_s = float(starts_s)
    marks: dict[str, Any] = {}
    for phase, (lasts_s, _positions) in PHASES.items():
        await _sleep_until(at_s)
        guest.set_range(_table(phase))
        times[phase] = time.time()
        if phase == "apart":
            marks = await _marks()
        if phase == "last":
            nodes[1] = await _killed(guest, nodes[1], times)
        at_s += lasts_s
    codes = [await node.wait() for node in nodes]
    async with asyncio.timeout(30):
        live_code = await live.wait()
    await asyncio.sleep(5)
    shutil.copytree(FOLDER, guest.out / "trial", ignore=shutil.ignore_patterns("*.sock"))
    return {"times": times, "codes": codes, "live": live_code, "marks": marks}


def _plan(starts_s: int, interval_s: float) -> str:
    devices = "".join(f'[[device]]\nid = "pi-{n}"\n' for n in (1, 2, 3))
    phases = "".join(
        f'[[phase]]\nname = "{name}"\nminutes = {lasts_s / 60}\npositions = {{'
        + ", ".join(f"{device} = [{x}, {y}]" for device, (x, y) in positions.items())
        + "}\n"
        for name, (lasts_s, positions) in PHASES.items()
    )
    start = datetime.fromtimestamp(starts_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    radio = f"[radio]\nrotation_s = 20\ninterval_s = {interval_s}\n"
    return f'[trial]\nname = "lab"\nprotocol = "gaen"\nstart = {start}\n{radio}{devices}{phases}'


def _table(phase: str) -> dict[str, int | None]:
    return {f"{a}>{b}": RSSI_DBM[phase][frozenset({a, b})] for a, b in permutations(range(3), 2)}


def _command(*arguments: str, ahead_s: int = 0) -> tuple[str, ...]:
    program = (sys.executable, "-m", "tests.lab.clock_ahead", str(ahead_s)) if ahead_s else CLI
    return *program, "--state-dir", str(STATE), "--config", str(CONFIG), *arguments


async def _node(guest: Guest, number: int) -> asyncio.subprocess.Process:
    arguments = ("trial", "run", str(FOLDER), "--node", f"pi-{number + 1}", "--radio", f"kernel:hci{number}")
    with (guest.out / f"pi-{number + 1}.log").open("a") as log:
        return await asyncio.create_subprocess_exec(
            *_command(*arguments, ahead_s=AHEAD_S if number == 2 else 0), stdout=log, stderr=log
        )


async def _sleep_until(unix_s: float) -> None:
    while (left_s := unix_s - time.time()) > 0:
        await asyncio.sleep(min(left_s, 1.0))


async def _marks() -> dict[str, Any]:
    """Make one mark by the command, for all three, and one through a socket, as a button would."""
    await asyncio.sleep(30)
    command = await run(*_command("trial", "mark", str(FOLDER), "door open", "--json"))
    with socket.socket(socket.AF_UNIX) as button:
        button.connect(os.fspath(FOLDER / "devices" / "pi-1" / "trial.sock"))
        button.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(button, b"mark button\n")
        answer = await loop.sock_recv(button, 100)
    return {"command": command.as_json(), "button": answer.decode()}


async def _killed(
    guest: Guest, node: asyncio.subprocess.Process, times: dict[str, float]
) -> asyncio.subprocess.Process:
    await asyncio.sleep(KILLED_AFTER_S)
    node.kill()
    await node.wait()
    times["killed"] = time.time()
    await asyncio.sleep(DEAD_FOR_S)
    times["restarted"] = time.time()
    return await _node(guest, 1)
