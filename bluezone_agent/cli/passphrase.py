"""Where a passphrase comes from: a person who types it, or a file. Never the command line, which others can read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.cli.base import PATH, option, printable
from bluezone_agent.errors import N_, DecryptionError
from bluezone_agent.i18n import _

SHORTEST: Final = 12
"""Characters of a new passphrase: six random words of a list have thirty, and a guess costs a fifth of a second."""
LONGEST: Final = 1024

passphrase_option = option(
    "--passphrase-file",
    type=PATH,
    metavar="FILE",
    help=N_('Read the passphrase from the first line of FILE instead of asking; "-" is standard input.'),
)


def passphrase(file: Path | None, *, of: Path, new: bool) -> str:
    """Return the passphrase of ``of``: the first line of ``file``, or what is typed, a ``new`` one twice.

    From here on this process keeps its memory to itself. Raises SealError for a file that can't be read and a new
    passphrase that is too short.
    """
    keep_memory_private()
    if file is None:
        question = _("Passphrase of {path}").format(path=printable(str(of)))
        found: str = click.prompt(question, hide_input=True, confirmation_prompt=new, err=True)
    else:
        found = _first_line(file)
    if new and len(found) < SHORTEST:
        raise DecryptionError(
            N_("the passphrase has {n} characters; it needs {least}"),
            N_("take five or six words that nobody would guess"),
            n=len(found),
            least=SHORTEST,
        )
    return found


def _first_line(file: Path) -> str:
    try:
        if str(file) == "-":
            line = sys.stdin.readline(LONGEST)
        else:
            with file.open(encoding="utf-8") as opened:
                line = opened.readline(LONGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise DecryptionError(
            N_("can't read the passphrase from {path}: {reason}"),
            N_("name a text file that you can read; its first line is the passphrase"),
            path=file,
            reason=getattr(error, "strerror", None) or "not UTF-8",
        ) from error
    return line.rstrip("\r\n")
