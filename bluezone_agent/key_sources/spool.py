"""Diagnosis key files passed between two processes: one has a network and fetches, the other has contacts and compares.

A spool is a folder that the first process writes and the second reads. Each source has a folder in it, named by a
digest of the source's name, with the files under digests of their names and a manifest of them. The reader trusts none
of it: it verifies every signature itself, opens only regular files, and reads no more of a file than a source may send.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.core.diagnosis_keys.signed_index import SignedIndex
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.source_records import packed_fault, unpacked_fault
from bluezone_agent.errors import N_, KeySourceError
from bluezone_agent.files import replace
from bluezone_agent.key_sources.index import MAX_FILE
from bluezone_agent.ports import KeySource, MissingFile, SourceFile, Visit

MANIFEST: Final = "manifest.json"
MAX_MANIFEST: Final = 16 * 2**20
FOLDER_MODE: Final = 0o750
FILE_MODE: Final = 0o640
"""The reader is another user, in the writer's group."""
TOO_OLD_S: Final = 6 * 3600
"""Fetches are four hours apart; an older manifest means that none has completed since."""


class SpooledFile(msgspec.Struct, frozen=True):
    """A file that was fetched."""

    name: str
    fetched_at_s: int
    signed: bool
    """Whether its detached signature is stored with it."""
    states_publication: bool = True
    """Whether its stated publication is meaningful in its source's layout."""


class SpooledFault(msgspec.Struct, frozen=True):
    """A file that could not be fetched, and why (``core.source_records.packed_fault``)."""

    name: str
    fault: str


class Manifest(msgspec.Struct, frozen=True):
    """The result of the last fetch of a source."""

    source: str
    fetched_at_s: int
    files: tuple[SpooledFile, ...] = ()
    """Files of earlier fetches included, oldest first."""
    missing: tuple[SpooledFault, ...] = ()
    index: SignedIndex | None = None
    fault: str = ""
    """Why the source could not be fully read."""


def folder_of(spool: Path, source: str) -> Path:
    """Return the folder of a source's files."""
    return spool / sha256(source.encode()).hexdigest()[:32]


def _place(folder: Path, name: str) -> Path:
    return folder / sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _signature_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sig")


class SpoolingSource:
    """A source whose files are written into a spool as they arrive."""

    def __init__(self, source: KeySource, spool: Path) -> None:
        self._source = source
        self._folder = folder_of(spool, source.name)

    @property
    def name(self) -> str:
        """The source's name."""
        return self._source.name

    def files(self, visit: Visit) -> Iterator[SourceFile | MissingFile | SignedIndex]:
        """Yield the source's files; the manifest is written at the end. Raises KeySourceError, and OSError."""
        self._folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        self._folder.chmod(FOLDER_MODE)
        now_s, limit_s = int(visit.now_s), int(visit.now_s) - RETENTION_DAYS * DAY_S
        kept = {f.name: f for f in _files_before(self._folder) if f.fetched_at_s >= limit_s}
        missing: list[SpooledFault] = []
        index: SignedIndex | None = None
        fault = ""
        try:
            for found in self._source.files(visit):
                if isinstance(found, SourceFile):
                    kept.pop(found.name, None)
                    kept[found.name] = self._write(found, now_s)
                elif isinstance(found, MissingFile):
                    missing.append(SpooledFault(found.name, packed_fault(found.error)))
                else:
                    index = found
                yield found
        except KeySourceError as error:
            fault = packed_fault(error)
            raise
        finally:
            manifest = Manifest(self.name, now_s, tuple(kept.values()), tuple(missing), index, fault)
            replace(self._folder / MANIFEST, msgspec.json.encode(manifest), mode=FILE_MODE)
            self._delete_others(kept)

    def _write(self, file: SourceFile, now_s: int) -> SpooledFile:
        path = _place(self._folder, file.name)
        replace(path, file.data, mode=FILE_MODE)
        if file.signature is not None:
            replace(_signature_of(path), file.signature, mode=FILE_MODE)
        return SpooledFile(file.name, now_s, file.signature is not None, file.states_publication)

    def _delete_others(self, kept: dict[str, SpooledFile]) -> None:
        wanted = {self._folder / MANIFEST}
        for name in kept:
            path = _place(self._folder, name)
            wanted |= {path, _signature_of(path)}
        for path in self._folder.iterdir():
            if path not in wanted:
                path.unlink()


def _files_before(folder: Path) -> tuple[SpooledFile, ...]:
    with suppress(FileNotFoundError, msgspec.DecodeError):
        return msgspec.json.decode(_read(folder / MANIFEST, MAX_MANIFEST), type=Manifest).files
    return ()


class SpooledSource:
    """A source as another process has fetched it."""

    def __init__(self, name: str, spool: Path) -> None:
        self._name = name
        self._folder = folder_of(spool, name)

    @property
    def name(self) -> str:
        """The source's name."""
        return self._name

    def files(self, visit: Visit) -> Iterator[SourceFile | MissingFile | SignedIndex]:
        """Yield the files in the spool that the visit does not know; raises KeySourceError as the source did."""
        manifest = self._manifest(visit.now_s)
        if manifest.index is not None:
            yield manifest.index
        for file in manifest.files:
            if not visit.known(file.name):
                yield self._fetched(file)
        for fault in manifest.missing:
            yield MissingFile(fault.name, _as_source_error(fault.fault))
        if manifest.fault:
            raise _as_source_error(manifest.fault)

    def _manifest(self, now_s: float) -> Manifest:
        try:
            manifest = msgspec.json.decode(_read(self._folder / MANIFEST, MAX_MANIFEST), type=Manifest)
        except (OSError, msgspec.DecodeError) as error:
            raise self._not_fetched(getattr(error, "strerror", None) or error) from error
        if not 0 <= now_s - manifest.fetched_at_s <= TOO_OLD_S:
            raise self._not_fetched(N_("no fetch has completed recently"))
        return manifest

    def _fetched(self, file: SpooledFile) -> SourceFile | MissingFile:
        path = _place(self._folder, file.name)
        try:
            signature = _read(_signature_of(path), MAX_FILE) if file.signed else None
            return SourceFile(file.name, _read(path, MAX_FILE), signature, states_publication=file.states_publication)
        except OSError as error:
            return MissingFile(file.name, self._not_fetched(error.strerror))

    def _not_fetched(self, reason: object) -> KeySourceError:
        return KeySourceError(
            N_("{name} was not fetched: {reason}"),
            N_("run: systemctl status bluezone-fetch"),
            name=self._name,
            reason=reason,
        )


def _as_source_error(packed: str) -> KeySourceError:
    error = unpacked_fault(packed)
    if isinstance(error, KeySourceError):
        return error
    return KeySourceError(N_("the fetch failed: {reason}"), N_("run: systemctl status bluezone-fetch"), reason=error)


def _read(path: Path, limit: int) -> bytes:
    """Read a regular file; raises OSError, also for a link, a pipe and a file larger than ``limit`` bytes."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(0, "not a regular file", str(path))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(0, f"larger than {limit} bytes", str(path))
    return data
