"""Lines that fit a terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from contextlib import suppress
from typing import Final, TextIO

USUAL_COLUMNS: Final = 80


def columns() -> int:
    """Return the width of the terminal: what ``COLUMNS`` says, or else what the first stream that is one says."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    for stream in (1, 2, 0):  # after an error standard output is closed
        with suppress(OSError):
            return os.get_terminal_size(stream).columns or USUAL_COLUMNS
    return USUAL_COLUMNS


def wrapped(text: str, hanging: int = 2, *, stream: TextIO | None = None) -> str:
    """Return each line wrapped at word boundaries if ``stream``, or else stdout, is a terminal; unchanged otherwise.

    Further lines are indented by ``hanging`` columns more than the first one.
    """
    if not (stream or sys.stdout).isatty():
        return text
    return "\n".join(_filled(line, hanging) for line in text.split("\n"))


def _filled(line: str, hanging: int) -> str:
    width = columns()
    indent = " " * min(len(line) - len(line.lstrip()) + hanging, width // 2)
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
