"""Diagnosis key files in a local folder, or a single file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bluezone_agent.core.diagnosis_keys.signed_index import MAX_SIGNED_INDEX, SIGNED_INDEX_NAME, SignedIndex
from bluezone_agent.errors import N_, ConfigError, KeySourceError
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.key_sources.index import (
    DETACHED_SIGNATURE_FOR,
    INDEX_NAME,
    MAX_FILE,
    MAX_INDEX,
    MAX_SIGNATURE,
    SIGNATURE_SUFFIX,
    Missing,
    parse_index,
    require_listed,
    signed_index,
)
from bluezone_agent.paths import expanded
from bluezone_agent.ports import KeySource, MissingFile, SourceFile, Visit

SUFFIXES: Final = (".zip", ".json")


def open_address(address: SourceAddress) -> KeySource:
    """Return the source; raises ConfigError."""
    address.refuse_regions("folder")
    address.refuse_index("folder")
    if address.is_url:
        raise ConfigError(
            N_('[[source]] {location}: layout = "folder" needs a path'),
            N_("remove layout for the URL of a folder with an index.txt"),
            location=address.location,
        )
    return DirectorySource(expanded(address.location))


class DirectorySource:
    """A folder, in the order of its ``index.txt``, or without one every diagnosis key file in the order of names.

    It may also be a single file, which is always read: unlike a folder's files, it may get new contents under its old
    name.
    """

    def __init__(self, path: Path) -> None:
        """``path`` need not exist yet."""
        self._path = path

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def files(self, visit: Visit) -> Iterator[SourceFile | MissingFile | SignedIndex]:
        """Yield the files that the visit does not know; raises KeySourceError if the disk fails."""
        if self._path.is_file():
            yield SourceFile(_shown(self._path.name), _read(self._path, MAX_FILE), _signature(self._path))
            return
        index = self._signed_index(visit)
        if index is not None:
            yield index
        listed = {f.path: f.sha256 for f in index.files} if index else dict.fromkeys(self._names(), "")
        missing = Missing()
        for name, sha256 in listed.items():
            if visit.known(_shown(name)):
                continue
            try:
                path = self._path / name
                file = SourceFile(_shown(name), _read(path, MAX_FILE), _signature(path))
                require_listed(name, file.data, sha256)
            except KeySourceError as error:
                yield from missing.add(_shown(name), error)
            else:
                yield file
        missing.require_few(str(self._path))

    def _signed_index(self, visit: Visit) -> SignedIndex | None:
        if not self._path.is_dir():
            return None  # reading the names will report that
        path = self._path / SIGNED_INDEX_NAME
        data = _read(path, MAX_SIGNED_INDEX) if visit.trust and path.exists() else None
        return signed_index(data, str(path), visit)

    def _names(self) -> list[str]:
        index = self._path / INDEX_NAME
        if index.exists():
            return parse_index(_read(index, MAX_INDEX), str(index))
        try:
            return sorted(p.name for p in self._path.iterdir() if p.suffix in SUFFIXES and p.is_file())
        except OSError as error:
            raise _unreadable(self._path, error) from error


def _shown(name: str) -> str:
    """Return a file's name as text: on a disk it may be any bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _signature(path: Path) -> bytes | None:
    signature_path = path.with_name(path.name + SIGNATURE_SUFFIX)
    return (
        _read(signature_path, MAX_SIGNATURE)
        if path.suffix == DETACHED_SIGNATURE_FOR and signature_path.exists()
        else None
    )


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > limit:
        raise KeySourceError(
            N_("{path} is larger than {limit} bytes"),
            N_("it can't be a diagnosis key file: check what this file is"),
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
