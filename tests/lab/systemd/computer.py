"""The host's side: a computer with a disk of its own, which is switched on, plays a scenario and loses power."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.lab.machine import NOON_S, REPO, LabError

MEMORY: Final = "1536M"
DISK: Final = "2G"
"""Sparse: an installation takes some 200 MB of it."""
OFF_S: Final = 3600
"""How long the computer is off between two boots."""


@dataclass(slots=True)
class Computer:
    """A machine whose disk starts as a fresh Debian 12 with BlueZ."""

    folder: Path
    """Gets a directory of logs for every boot."""
    disk: Path
    """The file should be in memory, so that the guest seldom waits for it."""
    next_boot_s: float = NOON_S

    def boot(self, scenario: str, *, from_copy: bool = False, timeout_s: float = 900) -> Any:
        """Switch on, play ``scenario`` in virtual time, lose power; return its result.

        Every end is a power cut: nothing is written back that was not synchronised. ``from_copy``: work on a copy of
        the disk in the guest's memory, so that nothing of this boot remains. Virtual time runs away while the guest
        waits for its disk, which a scenario of days can't bear. Raises LabError when the scenario did not end well.
        """
        out = self.folder / scenario
        out.mkdir(parents=True)
        (out / "lab.json").write_text(json.dumps({"scenario": scenario}))
        with (out / "console.log").open("w") as console:
            subprocess.run(
                [*self._kernel_command(out), *(("lab.copy=yes",) if from_copy else ())],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                timeout=timeout_s,
                check=False,
            )
        path = out / "result.json"
        said = (out / "console.log").read_text()[-3000:]
        if not path.exists():
            raise LabError(f"the guest wrote no result; the end of its console:\n{said}")
        ended = json.loads(path.read_text())
        self.next_boot_s = ended["at_s"] + OFF_S
        if "error" in ended:
            raise LabError(f"the scenario failed, logs in {out}:\n{ended['error']}")
        return ended["result"]

    def _kernel_command(self, out: Path) -> list[str]:
        if not self.disk.exists():
            subprocess.run(["truncate", "-s", DISK, self.disk], check=True)
            subprocess.run(["mkfs.ext4", "-q", "-F", self.disk], check=True)
        return [
            os.environ["LAB_KERNEL"],
            f"mem={MEMORY}",
            *("rootfstype=hostfs", f"rootflags={os.environ['LAB_DEBIAN']}", "root=/dev/root", "ro", "init=/lab-init"),
            *("con0=fd:0,fd:1", "con=null", "ssl=null", "quiet", "loglevel=1", "random.trust_bootloader=on"),
            *("systemd.show_status=0", "systemd.hostname=node", "systemd.firstboot=0", f"ubd0={self.disk}"),
            *("time-travel=inf-cpu", f"time-travel-start={int(self.next_boot_s) * 1_000_000_000}"),
            *(f"lab.out={out}", f"lab.repo={REPO}", f"lab.wheels={os.environ['LAB_WHEELS']}"),
            f"lab.python={sys.executable}",
        ]
