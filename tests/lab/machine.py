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
VIRTUAL_TIME: Final = ("time-travel=inf-cpu", f"time-travel-start={NOON_S * 1_000_000_000}")
"""Idle time is skipped and computing takes none, so what takes longer than it should is not seen: see real_time."""
MEMORY: Final = "512M"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario left behind."""

    out: Path
    options: dict[str, Any]
    result: Any

    @property
    def air(self) -> list[OnAir]:
        """Everything that was on the air."""
        return read_air(self.out / "air.jsonl")

    @property
    def hci(self) -> list[list[str]]:
        """Every advertising and scanning command: time, controller, name, parameters in hex."""
        return [line.split(" ") for line in (self.out / "hci.log").read_text().splitlines()]


class Lab:
    """Plays scenarios, each with its options once however many tests judge it."""

    def __init__(self, folder: Path) -> None:
        """``folder`` gets a directory of logs for every boot."""
        self._folder = folder
        self._outcomes: dict[str, Outcome] = {}

    def play(self, scenario: str, *, extended: bool, **options: Any) -> Outcome:
        """Return the outcome of :func:`play`."""
        words = [scenario, "extended" if extended else "legacy", *(f"{k}={v}" for k, v in sorted(options.items()))]
        name = "-".join(words)
        if name not in self._outcomes:
            self._outcomes[name] = play(scenario, self._folder / name, extended=extended, **options)
        return self._outcomes[name]


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
    real_time: bool = False,
    timeout_s: float = 480,
    **options: object,
) -> Outcome:
    """Boot, play ``scenario``, in virtual time unless ``real_time``, and return its outcome.

    Raises LabError when it did not end well.

    ``extended``: controllers with extended advertising, else as a Raspberry Pi 3B+/4 has; ``strict_filter``:
    a duplicate filter that lets an advertiser through once until the scan restarts; ``experimental``: bluetoothd -E.
    """
    settings: dict[str, Any] = {
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
            [*_kernel_command(out), *(() if real_time else VIRTUAL_TIME)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            timeout=timeout_s,
            check=False,
        )
    return Outcome(out, settings, _result(out))


def _kernel_command(out: Path) -> list[str]:
    return [
        os.environ["LAB_KERNEL"],
        f"mem={MEMORY}",
        *("rootfstype=hostfs", "rootflags=/", "root=/dev/root", "ro", f"init={REPO / 'tests/lab/init'}"),
        *("con0=fd:0,fd:1", "con=null", "ssl=null", "quiet", "loglevel=1", "random.trust_bootloader=on"),
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
