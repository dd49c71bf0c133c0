"""Programs that ask at a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import struct
import termios
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="needs the age program (apt: age)")


def typed(command: list[str], *lines: str) -> None:
    """Run a command in a terminal in which ``lines`` are typed, each when it is asked for."""
    code, said = at_terminal(command, *lines)
    assert code == 0, said


def at_terminal(
    command: list[str],
    *lines: str,
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    columns: int = 80,
    asks: tuple[str, ...] = (": ",),
    stop_after: str | None = None,
    stop_with: bytes = b"\x03",
) -> tuple[int, str]:
    """Run a command in a terminal of its own; return its exit code and what it showed.

    Each of ``lines`` is typed when something that ``asks`` was shown last; ``stop_with``, Ctrl-C unless it is another
    key, once ``stop_after`` was shown.
    """
    try:
        pid, terminal = pty.fork()
    except OSError as error:
        pytest.skip(f"needs a terminal: {error}")
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        if folder is not None:
            os.chdir(folder)
        os.execvpe(command[0], command, environment)
    shown, waiting = b"", list(lines)
    with os.fdopen(terminal, "rb", buffering=0) as screen, suppress(OSError):  # as Linux ends a terminal
        while part := screen.read(4096):
            shown += part
            said = shown.decode("utf-8", "replace")
            if waiting and said.endswith(asks):
                os.write(terminal, waiting.pop(0).encode() + b"\n")
            if stop_after is not None and stop_after in said:
                os.write(terminal, stop_with)
                stop_after = None
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode("utf-8", "replace")
