"""Safe file writes: create a new file, replace one atomically, append to one. Also texts that come from people.

No function follows a link. After a full disk, a kill or a power cut, either the old file or the new one exists, never
part of one. Only the store, locks and sockets open files elsewhere.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from bluezone_agent.errors import N_, NewFileError

PRIVATE: Final = 0o600
"""Readable for the owner only."""
PRIVATE_FOLDER: Final = 0o700
PUBLIC: Final = 0o644
"""Readable for other users: web servers, collectors of metrics."""


STANDARD: Final = "-"
"""The name that a person gives for standard input or output."""


def is_standard(path: Path) -> bool:
    """Return whether this stands for standard input or output."""
    return str(path) == STANDARD


def read_text(path: Path) -> str:
    """Return a text written by a person, UTF-8, without a byte order mark and Windows line ends.

    ``-`` is standard input. Raises OSError and UnicodeDecodeError.
    """
    data = sys.stdin.buffer.read() if is_standard(path) else path.read_bytes()
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def require_absent(path: Path) -> None:
    """Raise NewFileError when a new file can't be created at ``path``: better before the work is done than after."""
    if is_standard(path):
        return
    try:
        exists = path.is_symlink() or path.exists()
    except OSError as error:
        raise _unwritable(path, error) from error
    if exists:
        raise NewFileError(
            N_("{path} already exists and is never overwritten"),
            N_("choose another name, or move the existing one away"),
            path=path,
        )
    require_folder(path)


def require_folder(path: Path) -> None:
    """Raise NewFileError when no file can be written at ``path``; standard output always can."""
    folder = path.parent
    if is_standard(path) or os.access(folder, os.W_OK | os.X_OK):
        return
    number = errno.EACCES if os.access(folder, os.F_OK) else errno.ENOENT
    raise _unwritable(path, OSError(number, os.strerror(number)))


def write_new(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write what an owner asked for into a new file, as :func:`create` does, or to standard output.

    Raises NewFileError.
    """
    if is_standard(path):
        _to_standard_output([content] if isinstance(content, bytes) else content)
        return
    require_absent(path)
    try:
        create(path, content)
    except OSError as error:
        raise _unwritable(path, error) from error


def write_over(path: Path, content: bytes) -> None:
    """Write what an owner asked for over an older file, as :func:`replace` does, or to standard output.

    Raises NewFileError.
    """
    if is_standard(path):
        _to_standard_output([content])
        return
    try:
        replace(path, content)
    except OSError as error:
        raise _unwritable(path, error) from error


def _to_standard_output(pieces: Iterable[bytes]) -> None:
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _unwritable(path: Path, error: OSError) -> NewFileError:
    return NewFileError(
        N_("can't write {path}: {reason}"),
        N_('choose a file in a folder that you can write to; with "- > FILE" your shell writes it, as your user'),
        path=path,
        reason=error.strerror,
    )


def create(path: Path, content: bytes | Iterable[bytes], *, mode: int = PRIVATE, durable: bool = True) -> None:
    """Write a new file completely or not at all; raises OSError, FileExistsError also for a link.

    ``content`` may come in pieces, which are written one by one; their errors are raised. With ``durable`` the file
    is on the disk when this returns.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, mode)  # independent of the umask
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            if durable:
                os.fsync(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def replace(path: Path, content: bytes, *, mode: int = PRIVATE, durable: bool = True) -> None:
    """Replace a file atomically, or create it; after an OSError the old file is unchanged.

    Only a regular file can be replaced: a link, a folder or a device raises FileExistsError.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise FileExistsError(errno.EEXIST, "it is not a regular file", str(path))
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.new")
    create(temporary, content, mode=mode, durable=durable)
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def left_over(path: Path) -> Iterator[Path]:
    """Yield the temporary files that a kill or a power cut left while ``path`` was being replaced."""
    return (found for found in path.parent.glob(".*.new") if found.name.startswith(f".{path.name}."))


def open_to_append(path: Path) -> TextIO:
    """Open an ASCII file for appending, created with access only for its owner; raises OSError, also for a link.

    Its descriptor can also be used for reading.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, PRIVATE)
    return os.fdopen(fd, "a", encoding="ascii")


def require_new_folder(folder: Path) -> None:
    """Raise NewFileError unless a folder can be created there, or an empty one is there that only its owner sees."""
    try:
        if not folder.is_symlink() and not folder.exists():
            require_folder(folder)
            return
        usable = folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
        open_to_others = folder.stat().st_mode & 0o077
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not usable:
        raise NewFileError(
            N_("{path} already exists and is not an empty folder"), N_("choose the name of a new folder"), path=folder
        )
    if open_to_others:
        raise NewFileError(
            N_("other users have access to the folder {path}"),
            N_('run "chmod 700 {path}", or choose the name of a new folder'),
            path=folder,
        )


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Create a folder (0700) for what is written inside; after an error nothing of it is left.

    Raises NewFileError, OSError.
    """
    require_new_folder(folder)
    was_there = folder.exists()
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    try:
        yield
        sync_folder(folder)
    except BaseException:
        for path in folder.iterdir():
            path.unlink()
        if not was_there:
            folder.rmdir()
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut; raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
