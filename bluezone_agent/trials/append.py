"""Files that only grow: what was appended and synced stays, whatever happens to the process or the power."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self, TypeVar

import msgspec

from bluezone_agent.files import open_to_append, sync_folder

T = TypeVar("T")
NEWLINE: Final = b"\n"


class AppendedFile:
    """Appends pieces, each with one system call; a piece that the disk does not accept completely leaves no trace."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """``durable``: a piece is on the disk when :meth:`append` returns. Raises OSError, also for a link."""
        self._durable = durable
        self._folder = path.parent
        self._file = open_to_append(path)
        self._fd = self._file.fileno()
        self.size = os.fstat(self._fd).st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, piece: bytes) -> None:
        """Append a piece; raises OSError, after which the file is as before."""
        try:
            written = os.pwrite(self._fd, piece, self.size)
            if written < len(piece):
                os.pwrite(self._fd, piece[written:], self.size + written)  # says why not
            if self._durable:
                os.fdatasync(self._fd)
                if not self.size:
                    sync_folder(self._folder)  # the file may be new
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(piece)

    def drop_torn_line(self) -> None:
        """Remove a last line that a power cut left incomplete, so that the next one starts at its beginning."""
        at = self.size
        while at and os.pread(self._fd, 1, at - 1) != NEWLINE:
            at -= 1
        if at < self.size:
            os.ftruncate(self._fd, at)
            self.size = at


class JsonLines(AppendedFile):
    """A file with one JSON object a line."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        super().__init__(path, durable=durable)
        self.drop_torn_line()

    def put(self, record: msgspec.Struct) -> None:
        """Append one record; raises OSError."""
        self.append(msgspec.json.encode(record) + NEWLINE)


def read_json_lines(path: Path, decoder: msgspec.json.Decoder[T]) -> Iterator[T]:
    """Yield the records of a file in their order; nothing if it does not exist.

    What a power cut left of a line is skipped: it was never acknowledged. Raises OSError.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    for line in data.split(NEWLINE)[:-1]:
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
