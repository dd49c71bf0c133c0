"""A command of the owner's choice, called once a notice."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Final

from bluezone_agent.ports import Notice

COMMAND_TIMEOUT_S: Final = 30


class CommandNotifier:
    """Runs ``command TITLE BODY``, for instance ``["notify-send"]``."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)

    def notify(self, notices: Sequence[Notice]) -> None:
        """Tell the owner; raises OSError when the command can't be run, fails or hangs."""
        for notice in notices:
            try:
                # the operator's own configuration says what runs
                subprocess.run([*self._command, notice.title, notice.body], check=True, timeout=COMMAND_TIMEOUT_S)  # noqa: S603
            except subprocess.SubprocessError as error:
                raise OSError(f"{self._command[0]}: {error}") from error
