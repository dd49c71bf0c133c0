"""Lines that fit a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap


def columns() -> int:
    """Return the width of the terminal."""
    return shutil.get_terminal_size().columns


def wrapped(text: str, hanging: int = 2) -> str:
    """Return each line wrapped at word boundaries on a terminal, unchanged in a pipe or file.

    Further lines are indented by ``hanging`` columns more than the first one.
    """
    if not sys.stdout.isatty():
        return text
    return "\n".join(_filled(line, hanging) for line in text.split("\n"))


def _filled(line: str, hanging: int) -> str:
    width = columns()
    indent = " " * min(len(line) - len(line.lstrip()) + hanging, width // 2)
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
