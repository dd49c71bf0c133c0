"""Recordings of everything a radio received: one CSV line per advert, described in docs/recordings.md."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self, TextIO

import structlog

from bluezone_agent.core.advertising_data import EXTENDED_DATA_LENGTH, AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import N_, MalformedPayloadError, RecordingError
from bluezone_agent.files import open_to_append
from bluezone_agent.ports import Radio

log: Final = structlog.get_logger()

COLUMNS: Final = ["received_at_s", "rssi_dbm", "data"]
"""Unix seconds on the receiver's clock; dBm as the radio reported it; the advertising data in hex."""

LONGEST_LINE: Final = 4096
"""Bytes: twice the 1650 of an extended advertisement's data in hex, and the other columns."""


class RecordingRadio:
    """A radio that also writes every advert to a file; implements the Radio port."""

    def __init__(self, radio: Radio, path: Path) -> None:
        """``path`` is created with access only for its owner; an existing recording is continued."""
        self._radio = radio
        self._path = path
        self._opened = AsyncExitStack()
        self._file: TextIO | None = None

    @property
    def description(self) -> str:
        """The wrapped radio and the file."""
        return f"{self._radio.description}, recording to {self._path}"

    @property
    def scan_mode(self) -> str:
        """The wrapped radio's mode."""
        return self._radio.scan_mode

    @property
    def silent_after_s(self) -> float:
        """The wrapped radio's value."""
        return self._radio.silent_after_s

    async def __aenter__(self) -> Self:
        """Open the file, then the radio; raises RecordingError when the file can't be written."""
        async with AsyncExitStack() as opened:
            self._file = opened.enter_context(_open_to_append(self._path))
            await opened.enter_async_context(self._radio)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def prepare(self, valid_s: float) -> int | None:
        """Prepare the wrapped radio."""
        return await self._radio.prepare(valid_s)

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Have the wrapped radio advertise ``advertising_data``; it is not recorded."""
        await self._radio.advertise(advertising_data)

    async def withdraw(self) -> None:
        """Have the wrapped radio stop its advertisement."""
        await self._radio.withdraw()

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Receive what the wrapped radio receives, and write it down."""
        if self._file is None:
            raise RuntimeError("listen() before entering the radio")
        file = self._file

        def write(advert: Advert) -> None:
            received(advert)
            try:
                data = advert.advertising_data.to_bytes(longest=EXTENDED_DATA_LENGTH)
            except ValueError:
                log.warning("advert_not_recorded", reason="longer than any advertisement")
                return
            file.write(f"{advert.received_at_s:.3f},{advert.rssi_dbm},{data.hex()}\n")

        await self._radio.listen(write)

    async def becomes_usable(self) -> None:
        """Wait for the wrapped radio."""
        await self._radio.becomes_usable()

    async def power_cycle(self) -> None:
        """Switch the wrapped radio off and on."""
        await self._radio.power_cycle()


def _open_to_append(path: Path) -> TextIO:
    try:
        with ExitStack() as undo:
            file = undo.enter_context(open_to_append(path))
            _drop_torn_line(file.fileno())
            undo.pop_all()
    except OSError as error:
        raise RecordingError(
            N_("can't write the recording {path}: {reason}"),
            N_("choose a file in a folder that you can write to"),
            path=path,
            reason=error.strerror,
        ) from error
    if not os.fstat(file.fileno()).st_size:
        file.write(",".join(COLUMNS) + "\n")
    return file


def _drop_torn_line(fd: int) -> None:
    """Remove the remains of a last line after a power failure, so that the next line starts at its beginning."""
    end = os.fstat(fd).st_size
    tail = os.pread(fd, LONGEST_LINE, max(0, end - LONGEST_LINE))
    os.ftruncate(fd, end - len(tail) + tail.rfind(b"\n") + 1)


def read_recording(path: Path) -> Iterator[Advert]:
    """Yield the adverts of a recording, ``.gz`` or not, in the order of the file.

    Raises RecordingError, with the line, for a file that can't be read or is not a recording; a last line that was cut
    off by a power failure ends it quietly.
    """
    with open_csv(path) as file:
        if file.readline().strip() != ",".join(COLUMNS):
            raise RecordingError(
                N_("{path} is not a recording: its first line is not {columns}"),
                N_("recordings are made with the setting record = FILE; see docs/recordings.md"),
                path=path,
                columns=",".join(COLUMNS),
            )
        for number, line in enumerate(file, start=2):
            if not line.endswith("\n"):
                return  # cut off
            yield _advert(path, number, line.strip())


@contextmanager
def open_csv(path: Path) -> Iterator[TextIO]:
    """Open a text file for reading, through gzip when its name ends in ``.gz``.

    Raises RecordingError when it can't be opened, or turns out to be unreadable within the block.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig") as file:
            yield file
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise RecordingError(
            N_("can't read the recording {path}: {reason}"),
            N_("choose an existing file, plain or gzip (.gz)"),
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error


def _advert(path: Path, number: int, line: str) -> Advert:
    try:
        at_s, rssi_dbm, data = line.split(",")
        return Advert(AdvertisingData.from_bytes(bytes.fromhex(data)), int(rssi_dbm), float(at_s))
    except (ValueError, MalformedPayloadError) as error:
        raise RecordingError(
            N_("{path}, line {number}: {reason} (found: {line})"),
            N_("correct or remove that line"),
            path=path,
            number=number,
            reason=error,
            line=line,
        ) from error
