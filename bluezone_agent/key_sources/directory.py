"""Case files in a local folder, or a single one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_, KeySourceError
from bluezone_agent.key_sources.index import (
    INDEX_NAME,
    MAX_FILE,
    MAX_INDEX,
    MAX_SIGNATURE,
    SIGNATURE_SUFFIX,
    SIGNED_BESIDE,
    parse_index,
)
from bluezone_agent.ports import SourceFile

SUFFIXES: Final = (".zip", ".json")


class DirectorySource:
    """A folder, in the order of its ``index.txt``, or without one every case file in the order of names.

    Or a single file, which is always read: unlike a folder's, it may get new contents under its old name.
    """

    def __init__(self, path: Path) -> None:
        """``path`` need not exist yet."""
        self._path = path

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def files(self, known: Callable[[str], bool]) -> Iterator[SourceFile]:
        """Yield the files that ``known`` does not know; raises KeySourceError where the disk fails.

        A listed file that can't be read does not hold back the others: its error is raised at the end.
        """
        if self._path.is_file():
            yield SourceFile(self._path.name, _read(self._path, MAX_FILE), _signature(self._path))
            return
        fault: KeySourceError | None = None
        for name in self._names():
            if known(name):
                continue
            try:
                file = SourceFile(name, _read(self._path / name, MAX_FILE), _signature(self._path / name))
            except KeySourceError as error:
                fault = fault or error
            else:
                yield file
        if fault is not None:
            raise fault

    def _names(self) -> list[str]:
        index = self._path / INDEX_NAME
        if index.exists():
            return parse_index(_read(index, MAX_INDEX), str(index))
        try:
            return sorted(p.name for p in self._path.iterdir() if p.suffix in SUFFIXES and p.is_file())
        except OSError as error:
            raise _unreadable(self._path, error) from error


def _signature(path: Path) -> bytes | None:
    beside = path.with_name(path.name + SIGNATURE_SUFFIX)
    return _read(beside, MAX_SIGNATURE) if path.suffix == SIGNED_BESIDE and beside.exists() else None


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > limit:
        raise KeySourceError(
            N_("{path} is larger than {limit} bytes"),
            N_("it can't be a case file: check what lies there"),
            path=path,
            limit=limit,
        )
    return data


def _unreadable(path: Path, error: OSError) -> KeySourceError:
    return KeySourceError(
        N_("can't read {path}: {reason}"),
        N_("check the location in [[source]], and that this user may read it"),
        path=path,
        reason=error.strerror,
    )
