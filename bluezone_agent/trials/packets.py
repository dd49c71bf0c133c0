"""``adverts-0001.csv.gz``: one line a packet, in pieces of a second, each a complete gzip member with its checksum.

gzip, ``zcat`` and every reader of tables take members that follow one another as one file. A piece that a power cut
left incomplete ends the reading of its chunk; the recorder never appends after one, but begins another chunk.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from bluezone_agent.trials.append import AppendedFile

COLUMNS: Final = ("boottime_ns", "wall_ns", "device", "rotation", "rssi_dbm", "stated_dbm", "adapter")
CHUNK_BYTES: Final = 4 * 2**20
"""About 300,000 packets."""
MOST_WAITING: Final = 500_000
"""Packets kept while the disk accepts none: ten minutes at 800 a second, 100 MB."""
CHUNK_NAME: Final = re.compile(r"adverts-(\d{4,})\.csv\.gz")
GZIP: Final = 16 + zlib.MAX_WBITS
STEP: Final = 2**14
"""Bytes that are given to the reader at once: what it does not use is copied."""
FAST: Final = 1
"""The level of compression: a Pi Zero has other work."""


class ReceivedPacket(NamedTuple):
    """One packet of a device of the trial."""

    boottime_ns: int
    wall_ns: int
    device: str
    rotation: int
    rssi_dbm: int
    stated_dbm: int | None
    adapter: str

    def line(self) -> str:
        """Return it as a line of the file."""
        stated = "" if self.stated_dbm is None else self.stated_dbm
        return (
            f"{self.boottime_ns},{self.wall_ns},{self.device},{self.rotation},{self.rssi_dbm},{stated},{self.adapter}\n"
        )


class PacketWriter:
    """Collects packets, and writes those that wait as one piece."""

    def __init__(self, folder: Path, *, durable: bool = True, chunk_bytes: int = CHUNK_BYTES) -> None:
        """Each writer begins a chunk of its own. Raises OSError."""
        self._folder = folder
        self._durable = durable
        self._chunk_bytes = chunk_bytes
        self._waiting: list[str] = []
        self._flushing = Lock()
        self._file: AppendedFile | None = None
        self.written = 0
        self.lost = 0

    def add(self, packet: ReceivedPacket) -> None:
        """Take a packet; it is lost, and counted, if the disk has accepted none for too long."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(packet.line())

    def flush(self) -> None:
        """Write what waits; raises OSError, after which it still waits. Packets may be added meanwhile."""
        with self._flushing:
            count = len(self._waiting)
            if not count:
                return
            lines = "".join(self._waiting[:count])
            if self._file is None or self._file.size >= self._chunk_bytes:
                self.close()
                self._file = AppendedFile(self._folder / _next_name(self._folder), durable=self._durable)
            if not self._file.size:
                lines = ",".join(COLUMNS) + "\n" + lines
            self._file.append(member(lines.encode()))
            del self._waiting[:count]
            self.written += count

    def close(self) -> None:
        """Close the chunk."""
        if self._file is not None:
            self._file.__exit__()
            self._file = None


def _next_name(folder: Path) -> str:
    last = max((int(found[1]) for path in folder.iterdir() if (found := CHUNK_NAME.fullmatch(path.name))), default=0)
    return f"adverts-{last + 1:04}.csv.gz"


def member(data: bytes) -> bytes:
    """Return a gzip member with its checksum."""
    compressor = zlib.compressobj(FAST, zlib.DEFLATED, GZIP)
    return compressor.compress(data) + compressor.flush()


def chunks(folder: Path) -> list[Path]:
    """Return the chunks of a device's folder, in the order in which they were written."""
    found = [path for path in folder.iterdir() if CHUNK_NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=lambda path: int(path.name.split("-")[1].split(".")[0]))


def read_chunk(path: Path, torn: Callable[[int], None] = lambda _bytes: None) -> Iterator[bytes]:
    """Yield the pieces of a chunk, each whole lines; the first one begins with the names of the columns.

    ``torn`` is told how many bytes at the end belong to no complete piece. Raises OSError.
    """
    data, at = path.read_bytes(), 0
    while at < len(data):
        piece, ends_at = _read_member(data, at)
        if piece is None:
            torn(len(data) - at)
            return
        yield piece
        at = ends_at


def _read_member(data: bytes, at: int) -> tuple[bytes | None, int]:
    """Return the content of the gzip member at an offset, None if it is incomplete or damaged, and where it ends."""
    reader, pieces = zlib.decompressobj(GZIP), list[bytes]()
    while not reader.eof and at < len(data):
        try:
            pieces.append(reader.decompress(data[at : at + STEP]))
        except zlib.error:
            return None, at
        at += len(data[at : at + STEP]) - len(reader.unused_data)
    return (b"".join(pieces) if reader.eof else None), at
