"""On which line of a TOML file a table or a setting is; ``tomllib`` does not tell."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

HEADER: Final = re.compile(r"^\s*(\[{1,2})\s*([A-Za-z0-9_-]+)\s*\]{1,2}\s*(?:#.*)?$")
KEY: Final = re.compile(r"^\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*[.=]")
FENCES: Final = ('"""', "'''")

Where = tuple[str | int, ...]
"""Names of tables and settings; elements of a list by their number from 0: ``("phase", 2, "minutes")``."""


class TomlLines:
    """Where the parts of a valid TOML text are."""

    def __init__(self, text: str) -> None:
        self._found: dict[Where, int] = {}
        self._seen: Counter[str] = Counter()
        table: Where = ()
        fence = ""
        for number, line in enumerate(text.split("\n"), start=1):
            if not fence:
                table = self._note(line, number, table)
            fence = _fence_after(line, fence)

    def _note(self, line: str, number: int, table: Where) -> Where:
        if header := HEADER.match(line):
            name = header[2]
            table = (name, self._seen[name]) if header[1] == "[[" else (name,)
            self._seen[name] += 1
            self._found.setdefault(table, number)
        elif key := KEY.match(line):
            self._found.setdefault((*table, key[1]), number)
        return table

    def line_of(self, place: Where) -> int:
        """Return the line of ``place``, or of the nearest part around it that has one; 1 for the whole file."""
        while place:
            if place in self._found:
                return self._found[place]
            place = place[:-1]
        return 1


def _fence_after(line: str, fence: str) -> str:
    """Return the quotes of the multi-line text in which ``line`` ends, "" outside of one."""
    for found in re.findall("|".join(FENCES), line):
        if not fence:
            fence = found
        elif fence == found:
            fence = ""
    return fence
