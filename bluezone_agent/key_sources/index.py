"""``index.txt``: the relative path of one case file a line, oldest first (Google's key server layout)."""

from __future__ import annotations

import re
from typing import Final

from bluezone_agent.errors import N_, KeySourceError

INDEX_NAME: Final = "index.txt"
SIGNED_BESIDE: Final = ".json"
"""Files whose signature is a file of its own beside them."""
SIGNATURE_SUFFIX: Final = ".sig"

MAX_INDEX: Final = 1024 * 1024
"""Bytes."""
MAX_LINES: Final = 10_000
"""14 days of one file every two minutes."""
MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of a case file: half a million keys."""
MAX_SIGNATURE: Final = 16 * 1024
"""Bytes of a detached signature."""
SHOWN_LENGTH: Final = 60
"""Characters of a bad line that the error repeats."""

PATH: Final = re.compile(r"[\w.~=+,@-]+(/[\w.~=+,@-]+)*", re.ASCII)


def parse_index(data: bytes, where: str) -> list[str]:
    """Return the paths in an index, each once, in order; ``where`` names it in errors.

    Nothing that could lead out of the index's own folder is a path: no scheme, no host, no leading slash, no
    ``..``, no escapes. One such line, or anything that is no index, raises KeySourceError.
    """
    lines = [line.strip() for line in data.decode("ascii", "backslashreplace").split("\n")]
    paths = {line: number for number, line in enumerate(lines, 1) if line}
    if len(paths) > MAX_LINES:
        raise KeySourceError(
            N_("{where} lists more than {limit} files"),
            N_("tell the health authority: files older than 14 days need not be listed"),
            where=where,
            limit=MAX_LINES,
        )
    for path, number in paths.items():
        if not PATH.fullmatch(path) or any(part in {".", ".."} for part in path.split("/")):
            raise KeySourceError(
                N_("line {number} of {where} is not a relative path: {line}"),
                N_("check the location in [[source]]; a login page of the network may have answered instead"),
                number=number,
                where=where,
                line=path[:SHOWN_LENGTH],
            )
    return list(paths)
