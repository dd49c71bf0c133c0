"""Standard streams as a shell may pass them: closed, full, a broken pipe, in any encoding."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

from bluezone_agent.errors import N_, AgentError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2


class OutputError(AgentError):
    """Standard output accepts no data, so the result could not be shown."""


class _Output(io.FileIO):
    """Standard output; a failed write ends the command with the reason."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:  # the reader has enough, which is not an error
            raise
        except OSError as error:
            raise OutputError(
                N_("can't write to standard output: {reason}"),
                N_("write to a file or terminal that accepts data; the disk may be full, or the output closed"),
                reason=error.strerror,
            ) from error


class _Talk(io.FileIO):
    """Standard error; failed writes are ignored, because nobody could be told, and the exit code is enough."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes


def prepare() -> None:
    """Make the three streams usable, whatever their state; call this before any file is opened.

    Otherwise the first opened file would get the number of a closed descriptor, and messages would be written into it.
    Characters that the terminal's encoding lacks are shown as escapes.
    """
    for number, flags in ((STDIN, os.O_RDONLY), (STDOUT, os.O_RDONLY), (STDERR, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(
                os.devnull, flags
            )  # gets the lowest free number, which is this one; standard output then accepts no data
    if sys.stdin is None:
        sys.stdin = open(STDIN, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, for good
    sys.stdout = _text(_Output(STDOUT, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Talk(STDERR, "w", closefd=False), sys.stderr)


def _text(raw: io.FileIO, was: TextIO | None) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=was.encoding if was is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=raw.isatty() or raw.fileno() == STDERR,
    )


def abandon() -> None:
    """Write nothing more to standard output, not even buffered data."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)


def has_letter(text: str) -> bool:
    """Return whether standard output can encode ``text``."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
