"""The host's side: boots the guest with a scenario and brings its logs back.

The guest runs on this machine's own root, which is Debian 12's, or on a Debian 13 beside it, mounted read-only; results
come back through a second mount of one directory of the host, so that they are there whatever becomes of the guest.
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
RELEASE: Final = int(os.environ.get("LAB_RELEASE", "12"))
"""The Debian that a scenario gets if it does not say: ``scripts/lab --debian 13``."""
RELEASES: Final = (12, 13) if "LAB_KERNEL_13" in os.environ else (12,)
"""What is set up: ``scripts/lab --long`` and ``scripts/lab --debian 13`` have both."""


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
        self._failures: dict[str, Exception] = {}

    def play(self, scenario: str, *, extended: bool, **options: Any) -> Outcome:
        """Return the outcome of :func:`play`."""
        options.setdefault("debian", RELEASE)
        words = [scenario, "extended" if extended else "legacy", *(f"{k}={v}" for k, v in sorted(options.items()))]
        name = "-".join(words).replace(" ", "")  # it becomes a word of the kernel's command line
        if name in self._failures:
            raise self._failures[name]
        if name not in self._outcomes:
            try:
                self._outcomes[name] = play(scenario, self._folder / name, extended=extended, **options)
            except Exception as failure:  # the other tests of this scenario must not wait for it again
                self._failures[name] = failure
                raise
        return self._outcomes[name]


class LabError(Exception):
    """The lab itself failed; nothing is known about the code under test."""


def play(
    scenario: str,
    out: Path,
    *,
    extended: bool,
    debian: int = RELEASE,
    controllers: int = 2,
    strict_filter: bool = True,
    msft: bool = False,
    experimental: bool = False,
    real_time: bool = False,
    timeout_s: float = 900,
    **options: object,
) -> Outcome:
    """Boot, play ``scenario``, in virtual time unless ``real_time``, and return its outcome.

    Raises LabError when it did not end well.

    ``debian``: 12 with Linux 6.1 and BlueZ 5.66, or 13 with Linux 6.12 and BlueZ 5.82; ``extended``: controllers with
    extended advertising, else as a Raspberry Pi 3B+/4 has; ``strict_filter``: a duplicate filter that lets an
    advertiser through once until the scan restarts; ``msft``: such a filter, and advertisement monitors in the
    controller; ``experimental``: bluetoothd -E.
    """
    settings: dict[str, Any] = {
        "scenario": scenario,
        "debian": debian,
        "controllers": controllers,
        "extended": extended,
        "strict_filter": strict_filter,
        "msft": msft,
        "experimental": experimental,
        **options,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "lab.json").write_text(json.dumps(settings))
    (out / "lab.env").write_text("".join(f"{k}={shlex.quote(v)}\n" for k, v in _environment(debian).items()))
    with (out / "console.log").open("w") as console:
        try:
            subprocess.run(
                [*_kernel_command(out, debian), *(() if real_time else VIRTUAL_TIME)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            raise LabError(f"the scenario did not end within {timeout_s:.0f} s; logs in {out}") from expired
    return Outcome(out, settings, _result(out))


def _environment(debian: int) -> dict[str, str]:
    """Return what process 1 passes on."""
    system = "/usr/sbin:/usr/bin:/sbin:/bin"
    if debian == 13:
        return {
            "PATH": system,
            "LAB_TOOLS": "/",
            "LAB_PYTHON": "/usr/bin/python3",
            "PYTHONPATH": os.environ["LAB_PACKAGES_13"],
            "PYTHONPYCACHEPREFIX": "/run/pycache",
        }
    tools = os.environ["LAB_TOOLS"]
    return {
        "PATH": f"{Path(sys.executable).parent}:{tools}/usr/bin:{system}",
        "LAB_TOOLS": tools,
        "LAB_PYTHON": sys.executable,
    }


def _kernel_command(out: Path, debian: int) -> list[str]:
    if debian not in RELEASES:
        raise LabError(f"Debian {debian} is not set up; run: scripts/lab --debian {debian}")
    kernel, root, init = os.environ["LAB_KERNEL"], "/", str(REPO / "tests/lab/init")
    more: tuple[str, ...] = ()
    if debian == 13:
        kernel, root, init = (os.environ[f"LAB_{name}_13"] for name in ("KERNEL", "ROOT", "INIT"))
        # Linux 6.12 gathers jitter without end on a clock that does not move; 6.1 gives up, as here
        more = ("initcall_blacklist=jent_mod_init",)
    return [
        kernel,
        f"mem={MEMORY}",
        *("rootfstype=hostfs", f"rootflags={root}", "root=/dev/root", "ro", f"init={init}"),
        *("con0=fd:0,fd:1", "con=null", "ssl=null", "quiet", "loglevel=1", "random.trust_bootloader=on"),
        *(f"lab.out={out}", f"lab.repo={REPO}", *more),
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
