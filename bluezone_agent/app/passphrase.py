"""The source of a passphrase: a terminal or a file. It is never the command line, which other users can read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.errors import N_, DecryptionError
from bluezone_agent.files import is_standard

SHORTEST: Final = 12
"""Characters of a new passphrase: six random words of a list have thirty, and a guess costs a fifth of a second."""
LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A passphrase that is asked for when it is needed."""

    file: Path | None
    """File with the passphrase in its first line, ``-`` for standard input; None: the user types it."""
    typed: Callable[[Path, bool], str]
    """Asks for the passphrase of a file; twice for a new passphrase."""

    def of(self, path: Path, *, new: bool = False) -> str:
        """Return the passphrase of ``path``, and from here on protect this process's memory from other processes.

        Raises DecryptionError for an unreadable file and for a new passphrase that is too short.
        """
        keep_memory_private()
        found = self.typed(path, new) if self.file is None else _first_line(self.file)
        if new:
            _require_long(found)
        return found


def _require_long(passphrase: str) -> None:
    if len(passphrase) < SHORTEST:
        raise DecryptionError(
            N_("the passphrase is too short: {n} of at least {least} characters"),
            N_("use five or six words that nobody would guess"),
            n=len(passphrase),
            least=SHORTEST,
        )


def _first_line(file: Path) -> str:
    try:
        if is_standard(file):
            line = sys.stdin.readline(LONGEST)  # and no more: the rest may be meant for another prompt
        else:
            with file.open(encoding="utf-8-sig") as opened:
                line = opened.readline(LONGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise DecryptionError(
            N_("can't read the passphrase from {path}: {reason}"),
            N_("give a readable text file with the passphrase in its first line"),
            path=file,
            reason=getattr(error, "strerror", None) or "not UTF-8",
        ) from error
    return line.removeprefix("\ufeff").rstrip("\r\n")
