"""Programs that ask at a terminal."""

from __future__ import annotations

import os
import pty
import shutil
from contextlib import suppress

import pytest

needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="needs the age program (apt: age)")


def typed(command: list[str], *lines: str) -> None:
    """Run a command in a terminal in which ``lines`` are typed, each when it is asked for."""
    try:
        pid, terminal = pty.fork()
    except OSError as error:
        pytest.skip(f"needs a terminal: {error}")
    if pid == 0:
        os.execvp(command[0], command)
    said, waiting = "", list(lines)
    with os.fdopen(terminal, "rb", buffering=0) as shown, suppress(OSError):  # as Linux ends a terminal
        while part := shown.read(4096):
            said += part.decode()
            if waiting and said.endswith(": "):
                os.write(terminal, waiting.pop(0).encode() + b"\n")
    assert os.waitpid(pid, 0)[1] == 0, said
