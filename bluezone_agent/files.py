"""Files for the owner alone, and what makes a new name last."""

from __future__ import annotations

import os
from pathlib import Path

from bluezone_agent.errors import N_, NewFileError


def require_absent(path: Path) -> None:
    """Raise NewFileError when ``path`` exists, or is a link: better before any work is done for it than after."""
    if path.exists() or path.is_symlink():
        raise NewFileError(
            N_("{path} exists already and is never overwritten"),
            N_("name another file, or move that one away"),
            path=path,
        )


def write_new(path: Path, *parts: bytes) -> None:
    """Write what an owner asked for into a new file, as :func:`create` does; raises NewFileError."""
    require_absent(path)
    try:
        create(path, *parts)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> NewFileError:
    """Return the error that says why ``path`` can't be written."""
    return NewFileError(
        N_("can't write {path}: {reason}"),
        N_("name a file in a folder that you can write"),
        path=path,
        reason=error.strerror,
    )


def create(path: Path, *parts: bytes) -> None:
    """Write a new file, 0600, all of it or none; raises OSError, FileExistsError also for a link."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` outlive a power cut; raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
