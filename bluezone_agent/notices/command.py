"""A command that the owner chose, called for each notice."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from bluezone_agent.core.notice import Notice

COMMAND_TIMEOUT_S: Final = 30


class CommandNotifier:
    """Runs the command with the notice on its standard input: the title in the first line, the text in the others.

    Other users can read arguments, and a command's output ends in the journal, so neither contains the notice.
    """

    def __init__(self, command: Sequence[str], timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        self._command = list(command)
        self._timeout_s = timeout_s

    def notify(self, notice: Notice) -> None:
        """Notify the owner; raises OSError if the command can't be run, fails or hangs."""
        # the operator's own configuration names the command
        child = subprocess.Popen(  # noqa: S603
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            child.communicate(f"{notice.title}\n{notice.body}\n".encode(), timeout=self._timeout_s)
        except subprocess.TimeoutExpired as error:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise OSError(f"{self._command[0]} did not end within {self._timeout_s:g} s") from error
        if child.returncode:
            raise OSError(f"{self._command[0]} ended with exit code {child.returncode}")
