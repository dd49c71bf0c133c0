"""The command line as a person runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 120


@dataclass(frozen=True, slots=True)
class Program:
    """``bluezone-agent`` with a home of its own."""

    home: Path

    @property
    def state_dir(self) -> Path:
        return self.home / "state"

    @property
    def config(self) -> Path:
        return self.home / "agent.toml"

    def command(self, *arguments: str | Path) -> list[str]:
        options = ["--state-dir", str(self.state_dir)]
        if self.config.exists():
            options += ["--config", str(self.config)]
        return [sys.executable, "-m", "bluezone_agent", *options, *map(str, arguments)]

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.home}/no-bus",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),  # of a copy of the tree (tests.mutants)
        }

    def run(self, *arguments: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run to the end, without a terminal; ``stdin`` is what is typed."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment() | environment,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start in the background."""
        return subprocess.Popen(
            self.command(*arguments), env=self.environment(), cwd=self.home, stderr=subprocess.PIPE, text=True
        )
