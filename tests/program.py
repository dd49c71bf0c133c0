"""The command line as a person runs it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.app.result import as_json, from_json
from tests.json_docs import answers
from tests.terminal import at_terminal

TIMEOUT_S: Final = 120
LINES: Final = frozenset({"around", "gate", "trial live"})
"""Commands that print one JSON object a line."""


class UnexpectedAnswerError(AssertionError):
    """What ``--json`` printed has another shape than docs/json.md says."""


def require_shape(arguments: Sequence[str | Path], text: str) -> None:
    """Raise UnexpectedAnswerError unless ``text`` is what the command answers, key for key."""
    words = tuple(str(a) for a in arguments)
    commands = answers()
    name = max((n for n in commands if words[: len(n.split())] == tuple(n.split())), key=len)
    mistakes = []
    for kind in commands[name]:
        try:
            again = as_json(from_json(text, kind))
        except (msgspec.ValidationError, TypeError) as error:
            mistakes.append(str(error))
            continue
        if json.loads(again) == json.loads(text):
            return
        mistakes.append(f"{kind.__name__} is printed as {again}")
    raise UnexpectedAnswerError(f"{name}: {text}\n{mistakes}")


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
        """Run to the end, without a terminal; ``stdin`` is what is typed. What ``--json`` prints has its shape."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment() | environment,
            cwd=self.home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            start_new_session=True,  # so that no question reaches the terminal of whoever runs the tests
        )
        if "--json" in arguments and done.stdout:
            for text in (
                done.stdout.splitlines()
                if " ".join(word for word in map(str, arguments[:2]) if not word.startswith("-")) in LINES
                else [done.stdout]
            ):
                require_shape(arguments, text)
        return done

    def at_terminal(
        self,
        *arguments: str | Path,
        lines: Sequence[str] = (),
        asks: tuple[str, ...] = (": ",),
        stop_after: str | None = None,
        stop_with: bytes = b"\x03",
        columns: int = 80,
        **environment: str,
    ) -> tuple[int, str]:
        """Run in a terminal in which ``lines`` are typed; return the exit code and what was shown."""
        return at_terminal(
            self.command(*arguments),
            *lines,
            environment=self.environment() | {"TERM": "xterm"} | environment,
            folder=self.home,
            columns=columns,
            asks=asks,
            stop_after=stop_after,
            stop_with=stop_with,
        )

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start in the background."""
        return subprocess.Popen(
            self.command(*arguments), env=self.environment(), cwd=self.home, stderr=subprocess.PIPE, text=True
        )
