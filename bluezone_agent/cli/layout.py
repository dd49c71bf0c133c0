"""How wide the terminal is, and texts that fit it."""

from __future__ import annotations

import shutil
import sys
import textwrap


def columns() -> int:
    """Return how many characters a line may have."""
    return shutil.get_terminal_size().columns


def hanging(indent: int, text: str) -> str:
    """Return ``text`` as it is shown after ``indent`` characters, its other lines below; off a terminal it is one."""
    if not sys.stdout.isatty():
        return text
    lines = textwrap.wrap(text, max(columns() - indent, 20))
    return ("\n" + " " * indent).join(lines)
