"""The host's side: boots the guest with a scenario and brings its logs back.

The guest runs on this machine's own root, mounted read-only; results come back through a second mount of one
directory of the host, so that they are there whatever becomes of the guest.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.lab.air import OnAir, read_air

REPO: Final = Path(__file__).resolve().parents[2]
NOON_S: Final = 1_796_212_800
"""2026-12-02 12:00 UTC, when every guest boots: the beginning of a slot of either protocol."""
MEMORY: Final = "512M"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario left behind."""

    out: Path
    result: Any

    @property
    def air(self) -> list[OnAir]:
        """Everything that was on the air."""
        return read_air(self.out / "air.jsonl")

    @property
    def hci(self) -> list[list[str]]:
        """Every advertising and scanning command: time, controller, name, parameters in hex."""
        return [line.split(" ") for line in (self.out / "hci.log").read_text().splitlines()]


class LabError(Exception):
    """The lab itself failed; nothing is known about the code under test."""


def play(
    scenario: str,
    out: Path,
    *,
    extended: bool,
    controllers: int = 2,
    strict_filter: bool = True,
    experimental: bool = False,
    timeout_s: float = 240,
    **options: object,
) -> Outcome:
    """Boot, play ``scenario`` in virtual time, and return its outcome. Raises LabError when it did not end well.

    ``extended``: controllers with extended advertising, else as a Raspberry Pi 3B+/4 has; ``strict_filter``:
    a duplicate filter that lets an advertiser through once until the scan restarts; ``experimental``: bluetoothd -E.
    """
    settings: dict[str, object] = {
        "scenario": scenario,
        "controllers": controllers,
        "extended": extended,
        "strict_filter": strict_filter,
        "experimental": experimental,
        **options,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "lab.json").write_text(json.dumps(settings))
    path = f"{Path(sys.executable).parent}:{os.environ['LAB_TOOLS']}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    (out / "lab.env").write_text(f"PATH={shlex.quote(path)}\nLAB_TOOLS={shlex.quote(os.environ['LAB_TOOLS'])}\n")
    with (out / "console.log").open("w") as console:
        subprocess.run(
            _kernel_command(out),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            timeout=timeout_s,
            check=False,
        )
    return Outcome(out, _result(out))


def _kernel_command(out: Path) -> list[str]:
    return [
        os.environ["LAB_KERNEL"],
        f"mem={MEMORY}",
        *("rootfstype=hostfs", "rootflags=/", "root=/dev/root", "ro", f"init={REPO / 'tests/lab/init'}"),
        *("con0=fd:0,fd:1", "con=null", "ssl=null", "quiet", "loglevel=1", "random.trust_bootloader=on"),
        *("time-travel=inf-cpu", f"time-travel-start={NOON_S * 1_000_000_000}"),
        *(f"lab.out={out}", f"lab.repo={REPO}"),
    ]


def _result(out: Path) -> Any:
    path = out / "result.json"
    if not path.exists():
        raise LabError(
            f"the guest wrote no result; the end of its console:\n{(out / 'console.log').read_text()[-3000:]}"
        )
    result = json.loads(path.read_text())
    if "error" in result:
        raise LabError(f"the scenario failed, logs in {out}:\n{result['error']}")
    return result["result"]
