"""``index.txt``: the relative path of one case file a line, oldest first (Google's key server layout).

And ``index.signed`` beside it, which only our own authorities write and which then counts instead.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from bluezone_agent.core.diagnosis_keys.signed_index import (
    SignedIndex,
    missing_signed_index,
    read_signed_index,
    require_fresh,
)
from bluezone_agent.core.texts import without_bom
from bluezone_agent.errors import N_, KeySourceError
from bluezone_agent.ports import Visit

INDEX_NAME: Final = "index.txt"
DETACHED_SIGNATURE_FOR: Final = ".json"
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

SEQUENCE_NOTE: Final = "sequence"
"""The note of the highest sequence of a signed index that was seen."""

PATH: Final = re.compile(r"[\w.~=+,@-]+(/[\w.~=+,@-]+)*", re.ASCII)


def parse_index(data: bytes, where: str) -> list[str]:
    """Return the paths in an index, each once, in order; ``where`` names it in errors.

    Nothing that could lead out of the index's own folder is a path: no scheme, no host, no leading slash, no
    ``..``, no escapes. One such line, or anything that is no index, raises KeySourceError.
    """
    lines = [line.strip() for line in without_bom(data).decode("ascii", "backslashreplace").split("\n")]
    paths = {line: number for number, line in enumerate(lines, 1) if line}
    _require_paths(paths, where)
    return list(paths)


def signed_index(data: bytes | None, where: str, visit: Visit) -> SignedIndex | None:
    """Verify and read a signed index, None where there is none; ``where`` names it in errors.

    Raises KeySourceError, also for one that is missing or older than the visit knows of.
    """
    if visit.trust is None:
        return None
    highest = int(visit.notes.get(SEQUENCE_NOTE, 0))
    if data is None:
        if highest:
            raise missing_signed_index(where)
        return None
    index = read_signed_index(where, data, visit.trust)
    require_fresh(where, index, visit.now_s, highest)
    _require_paths({file.path: number for number, file in enumerate(index.files, 1)}, where)
    return index


def require_listed(name: str, data: bytes, sha256: str) -> None:
    """Raise KeySourceError when ``data`` is not the file that the signed index lists; no ``sha256`` fits all."""
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise KeySourceError(
            N_("{name} is not the file that the signed index lists"),
            N_("the next check fetches it again; if it stays so, tell the health authority"),
            name=name,
        )


def _require_paths(paths: dict[str, int], where: str) -> None:
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
