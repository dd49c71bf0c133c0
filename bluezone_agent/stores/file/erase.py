"""Deletes what the agent has written: only its own files, and their contents before their names."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_, StateInUseError, StoreWriteError
from bluezone_agent.stores.file.connection import connect
from bluezone_agent.stores.file.open import DOOR_FILE_NAME, FILE_NAME, exclusively
from bluezone_agent.stores.file.quarantine import QUARANTINED
from bluezone_agent.stores.store import LOCK_NAME

DATABASE_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")
"""The suffixes that SQLite adds to a database's name."""
CHUNK: Final = 1 << 20


def own_files(state_dir: Path) -> list[Path]:
    """Return the store's files in ``state_dir``, links as themselves; folders are never included."""
    names = {f"{name}{suffix}" for name in (FILE_NAME, DOOR_FILE_NAME) for suffix in DATABASE_SUFFIXES} | {LOCK_NAME}
    if not state_dir.is_dir():
        return []
    return sorted(
        path
        for path in state_dir.iterdir()
        if (path.name in names or path.name.startswith((QUARANTINED, f"{FILE_NAME}.")))
        and not stat.S_ISDIR(path.lstat().st_mode)
    )


def erase(state_dir: Path, others: Iterable[Path] = ()) -> list[Path]:
    """Delete the store's files and ``others``; return the deleted ones.

    Raises StateInUseError while another command has the store open, StoreWriteError when the disk refuses.
    """
    with exclusively(state_dir), _held(state_dir / FILE_NAME):
        gone = [*others, *own_files(state_dir)]
        for path in gone:
            try:
                _erase(path)
            except OSError as error:
                raise StoreWriteError(
                    N_("can't delete {path}: {reason}"),
                    N_("run this again as the user that owns it, on a disk that can be written to"),
                    path=path,
                    reason=error.strerror,
                ) from error
    return gone


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep every other process from opening the store; nobody can have a damaged store open."""
    if not path.is_file():
        yield
        return
    with closing(connect(f"{path.absolute().as_uri()}?mode=rw", timeout_ms=0, uri=True)) as db:
        try:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("BEGIN EXCLUSIVE")
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_BUSY":
                raise StateInUseError(
                    N_("another command is using {path}"), N_("try again when it is done"), path=path
                ) from error
        yield


def _erase(path: Path) -> None:
    """Overwrite a regular file with zeros, on the disk, then remove its name; a link is removed and not followed."""
    found = path.lstat()
    if stat.S_ISREG(found.st_mode) and found.st_size:
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            for at in range(0, found.st_size, CHUNK):
                os.pwrite(fd, bytes(min(CHUNK, found.st_size - at)), at)
            os.fsync(fd)
            os.ftruncate(fd, 0)
        finally:
            os.close(fd)
    path.unlink()
