"""Writes the page that a command makes."""

from __future__ import annotations

from pathlib import Path

from bluezone_agent.cli.base import exit_with
from bluezone_agent.files import is_standard, write_over


def write_page(path: Path, text: str) -> None:
    """Write a page that only its owner can read, replacing an older one; raises NewFileError.

    If the page goes to standard output, the command prints nothing else and ends here.
    """
    write_over(path, text.encode())
    if is_standard(path):
        exit_with(0)
