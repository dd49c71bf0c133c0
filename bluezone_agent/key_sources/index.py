"""``index.txt``: the relative paths of diagnosis key files, one per line, oldest first (Google's key server layout).

Also ``index.signed`` next to it, which only this program's authorities write and which then counts instead.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from bluezone_agent.core.diagnosis_keys.signed_index import (
    SignedIndex,
    missing_signed_index,
    read_signed_index,
    require_fresh,
    require_same_folder,
)
from bluezone_agent.core.source_records import FOLDER_NOTE, SEQUENCE_NOTE
from bluezone_agent.core.texts import without_bom
from bluezone_agent.errors import N_, KeySourceError
from bluezone_agent.ports import MissingFile, Visit

INDEX_NAME: Final = "index.txt"
DETACHED_SIGNATURE_FOR: Final = ".json"
"""Formats whose signature is a separate file."""
SIGNATURE_SUFFIX: Final = ".sig"

MAX_INDEX: Final = 1024 * 1024
"""Bytes."""
MAX_LINES: Final = 10_000
"""14 days of one file every two minutes."""
LONGEST_PATH: Final = 200
"""Characters of a line: real lines have less than half as many, and the store keeps them."""
MAX_FILE: Final = 16 * 1024 * 1024
"""Bytes of a diagnosis key file: half a million keys."""
MAX_SIGNATURE: Final = 16 * 1024
"""Bytes of a detached signature."""
MOST_NAMED: Final = 20
"""Missing files of one visit that are reported by name."""
SHOWN_LENGTH: Final = 60
"""Characters of a bad line that the error repeats."""

PATH: Final = re.compile(r"[\w.~=+,@-]+(/[\w.~=+,@-]+)*", re.ASCII)


def parse_index(data: bytes, where: str) -> list[str]:
    """Return the paths in an index, each once, in order; ``where`` names it in errors.

    A path can't lead out of the index's own folder: no scheme, no host, no leading slash, no ``..``, no escapes. One
    such line, or anything that is not an index, raises KeySourceError.
    """
    lines = [line.strip() for line in without_bom(data).decode("ascii", "backslashreplace").split("\n")]
    paths = {line: number for number, line in enumerate(lines, 1) if line}
    _require_paths(paths, where)
    return list(paths)


def signed_index(data: bytes | None, where: str, visit: Visit) -> SignedIndex | None:
    """Verify and read a signed index, None if there is none; ``where`` names it in errors.

    Raises KeySourceError, also if it is missing, older than the one that the visit knows, or another folder's.
    """
    if visit.trust is None:
        return None
    highest = int(visit.notes.get(SEQUENCE_NOTE, 0))
    if data is None:
        if highest:
            raise missing_signed_index(where)
        return None
    index = read_signed_index(where, data, visit.trust)
    require_same_folder(where, index, visit.notes.get(FOLDER_NOTE, ""))
    require_fresh(where, index, visit.now_s, highest)
    _require_paths({file.path: number for number, file in enumerate(index.files, 1)}, where)
    return index


def notes_of(index: SignedIndex) -> dict[str, str]:
    """Return what the next visit has to know of an index."""
    return {SEQUENCE_NOTE: str(index.sequence)} | ({FOLDER_NOTE: index.folder} if index.folder else {})


class Missing:
    """The files of one visit that could not be fetched: the first are reported by name, all of them by their number."""

    def __init__(self) -> None:
        self._count = 0
        self._first: KeySourceError | None = None

    def add(self, name: str, error: KeySourceError) -> Iterator[MissingFile]:
        """Count a file, and yield it if it is one of the first."""
        self._count += 1
        self._first = self._first or error
        if self._count <= MOST_NAMED:
            yield MissingFile(name, error)

    def require_few(self, where: str) -> None:
        """Raise KeySourceError if there were more than are reported by name."""
        if self._first is not None and self._count > MOST_NAMED:
            raise KeySourceError(
                N_("can't fetch {count} of the files listed in {where}; the first error: {reason}"),
                N_("check the location and the index in [[source]]; if they are right, tell the health authority"),
                count=self._count,
                where=where,
                reason=self._first,
            )


def require_listed(name: str, data: bytes, sha256: str) -> None:
    """Raise KeySourceError when ``data`` is not the file in the signed index; an empty ``sha256`` fits all."""
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise KeySourceError(
            N_("{name} differs from the file listed in the signed index"),
            N_("the next check will fetch it again; if the error persists, tell the health authority"),
            name=name,
        )


def is_path(text: str) -> bool:
    """Return whether a text is a relative path that only leads downwards."""
    return PATH.fullmatch(text) is not None and not any(part in {".", ".."} for part in text.split("/"))


def _require_paths(paths: dict[str, int], where: str) -> None:
    if len(paths) > MAX_LINES:
        raise KeySourceError(
            N_("{where} lists more than {limit} files"),
            N_("tell the health authority: files older than 14 days need not be listed"),
            where=where,
            limit=MAX_LINES,
        )
    for path, number in paths.items():
        if len(path) > LONGEST_PATH:
            raise KeySourceError(
                N_("line {number} of {where} has {found} characters; at most {limit} are allowed: {line}"),
                N_("check the location in [[source]]; if that is right, tell the health authority"),
                number=number,
                where=where,
                found=len(path),
                limit=LONGEST_PATH,
                line=path[:SHOWN_LENGTH],
            )
        if not is_path(path):
            raise KeySourceError(
                N_("line {number} of {where} is not a path below the location: {line}"),
                N_(
                    "check the location and the index in [[source]]: every line must be a path below the "
                    "location; the network's login page may have answered instead"
                ),
                number=number,
                where=where,
                line=path[:SHOWN_LENGTH],
            )
