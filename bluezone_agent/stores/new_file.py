"""Files for the owner alone, and what makes a new name last."""

from __future__ import annotations

import os
from pathlib import Path


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
