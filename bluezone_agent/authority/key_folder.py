"""The folder that a health authority publishes: signed files, the index.txt that lists them, and the signed index.

The folder is the only record of what was published: it is read back, with its signatures, before anything is added. The
files are written first and the indices last, each by a temporary file and a rename, so a reader never sees a partial
file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bluezone_agent.core.diagnosis_keys import KeyFile, read_key_file
from bluezone_agent.core.diagnosis_keys.bluezone_json import write_bluezone_json
from bluezone_agent.core.diagnosis_keys.key_export import write_key_export
from bluezone_agent.core.diagnosis_keys.key_file import KEY_LIFE_DAYS
from bluezone_agent.core.diagnosis_keys.signed_index import (
    LONGEST_NAME,
    SIGNED_INDEX_NAME,
    VERSION,
    ListedFile,
    SignedIndex,
    read_signed_index,
    write_signed_index,
)
from bluezone_agent.core.diagnosis_keys.signing import SigningKey
from bluezone_agent.core.identifiers import DiagnosisKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, AgentError, KeyFileError, KeySourceError
from bluezone_agent.files import PUBLIC, replace
from bluezone_agent.key_sources.directory import DirectorySource
from bluezone_agent.key_sources.index import INDEX_NAME, SIGNATURE_SUFFIX
from bluezone_agent.ports import MissingFile, SourceFile, Visit

INDEX_LIFE_DAYS: Final = 3
"""Days for which a signed index is valid: this covers a weekend, and files can't be held back unnoticed for longer."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file that the index lists."""

    name: str
    key_file: KeyFile

    @property
    def published_at_s(self) -> int:
        """When it was published, Unix seconds, as the file states; at most now, for a file dated by a wrong clock."""
        return self.key_file.published_at_s or int(self.key_file.read_at_s)


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be listed: contents by path; the listed path comes first."""

    name: str
    contents: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Keys of one protocol that were published since ``start_s``, at ``end_s`` (Unix seconds)."""

    protocol: str
    keys: Sequence[DiagnosisKey]
    real: int
    """How many of them are real; the others are padding."""
    start_s: int
    end_s: int
    number: int
    """1 for the first file of the protocol."""

    @property
    def stem(self) -> str:
        """The file name without suffix, in the form of Google's key server."""
        return f"{self.start_s}-{self.end_s}-{self.number:05}"


PUBLIC_FOLDER: Final = 0o755
"""A web server runs as another user."""

Writer = Callable[[Batch, SigningKey, str], NewFile]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create the folder if it is missing, and keep a second publisher out. Raises AgentError."""
    try:
        _make_public(folder)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def read_back(folder: Path, key: SigningKey, now_s: float) -> list[PublishedFile]:
    """Return the files that the index lists, oldest first.

    Raises KeySourceError when a file can't be read, AgentError when ``key`` did not sign it: then it is unknown what
    was published.
    """
    if not (folder / INDEX_NAME).exists():
        return []
    try:
        return [
            PublishedFile(f.name, read_key_file(f.name, f.data, f.signature, key.verification_key, now_s))
            for f in _files(folder, now_s)
        ]
    except KeyFileError as error:
        raise AgentError(
            N_("{folder} contains a file that was not published with this key: {reason}"),
            N_("publish with that folder's key, or into an empty folder"),
            folder=folder,
            reason=error,
        ) from error


def _files(folder: Path, now_s: float) -> Iterator[SourceFile]:
    for found in DirectorySource(folder).files(Visit(now_s)):
        if isinstance(found, MissingFile):
            raise found.error
        if isinstance(found, SourceFile):
            yield found


def add(
    folder: Path,
    before: Sequence[PublishedFile],
    new: Sequence[NewFile],
    *,
    key: SigningKey,
    now_s: float,
    life_s: float,
    region: str,
) -> None:
    """Write ``new`` after the files ``before``; files that nobody needs any more are dropped.

    The signed index is written again, is valid for ``life_s`` from ``now_s``, and keeps the folder name that it has:
    the first name is derived from ``region`` and the folder. Raises AgentError.
    """
    limit_s = now_s - KEY_LIFE_DAYS * DAY_S
    kept = [f.name for f in before if f.published_at_s >= limit_s]
    names = [*kept, *(f.name for f in new)]
    try:
        for file in new:
            for name, content in reversed(file.contents.items()):  # the listed path is written last
                _replace(folder / name, content)
        if new or len(kept) < len(before) or not (folder / INDEX_NAME).exists():
            _replace(folder / INDEX_NAME, "".join(f"{name}\n" for name in names).encode())
        _replace(
            folder / SIGNED_INDEX_NAME, _signed_index(folder, names, key, now_s=now_s, life_s=life_s, region=region)
        )
        for old in before:
            if old.name not in kept:
                (folder / old.name).unlink(missing_ok=True)
                (folder / (old.name + SIGNATURE_SUFFIX)).unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _signed_index(
    folder: Path, names: Sequence[str], key: SigningKey, *, now_s: float, life_s: float, region: str
) -> bytes:
    files = tuple(ListedFile(name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in names)
    # the time serves as a sequence number that keeps growing even if the folder is lost
    last = _last_index(folder, key)
    sequence = max(int(now_s), last.sequence + 1 if last else 0)
    name = last.folder if last and last.folder else _name_of(folder, region)
    index = SignedIndex(sequence, int(now_s), int(now_s + life_s), files, VERSION, name)
    return write_signed_index(index, key)


def _last_index(folder: Path, key: SigningKey) -> SignedIndex | None:
    path = folder / SIGNED_INDEX_NAME
    try:
        return read_signed_index(str(path), path.read_bytes(), key.verification_key)
    except (FileNotFoundError, KeySourceError):  # a damaged index is replaced
        return None


def _name_of(folder: Path, region: str) -> str:
    """Return a folder's name for its signed index: the same name again if the folder was lost and is filled again."""
    name = os.fsencode(folder.resolve().name).decode("utf-8", "replace")
    return f"{region}/{name}"[:LONGEST_NAME]


def key_export_file(batch: Batch, key: SigningKey, region: str) -> NewFile:
    """Return a GAEN key export."""
    name = f"gaen/{batch.stem}.zip"
    data = write_key_export(batch.keys, key, start_s=batch.start_s, end_s=batch.end_s, region=region)
    return NewFile(name, {name: data})


def bluezone_file(batch: Batch, key: SigningKey, region: str) -> NewFile:  # noqa: ARG001 - the format has no region
    """Return a Bluezone diagnosis key file with its signature."""
    name, data = f"bluezone/{batch.stem}.json", write_bluezone_json(batch.keys, published_at_s=batch.end_s)
    return NewFile(name, {name: data, name + SIGNATURE_SUFFIX: key.sign(data)})


WRITERS: Final[dict[str, Writer]] = {"bluezone": bluezone_file, "gaen": key_export_file}
"""The file format in which each protocol's keys are published."""


def _replace(path: Path, content: bytes) -> None:
    _make_public(path.parent)
    replace(path, content, mode=PUBLIC)


def _make_public(folder: Path) -> None:
    """Create a world-readable folder; a folder that exists keeps its mode."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(PUBLIC_FOLDER)


def _unwritable(folder: Path, error: OSError) -> AgentError:
    return AgentError(
        N_("can't write {path}: {reason}"),
        N_(
            "choose a folder that you can write to: --to FOLDER; the index is unchanged, so you can "
            "run the command again"
        ),
        path=error.filename or folder,
        reason=error.strerror,
    )
