"""What was reported, collected and counted, line by line: three kinds of evidence, each in a file of its own.

``reported.csv`` is what heads of units said, ``collected.csv`` what receipts of devices said, ``counted.csv`` what was
counted on the air. A later line about the same unit and round replaces an earlier one; no line is ever deleted.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from bluezone_agent.errors import N_
from bluezone_agent.files import open_to_append, read_text
from bluezone_agent.uptake.units import UptakeError, csv_rows

MOST_ROUNDS: Final = 1000


class Evidence(StrEnum):
    """Where a figure comes from. Figures of different kinds are never added, nor divided by each other."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"
    COUNTED = "counted"


class ReportedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``reported.csv``: what the head of a unit said."""

    round: int
    unit: str
    installed: int | None = None
    """People who have it; None if only the work of house-to-house teams was reported."""
    streets: int | None = None
    """Streets that teams have finished."""
    leaflets: int | None = None
    at: datetime


class CollectedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``collected.csv``: a receipt that counts."""

    round: int
    unit: str
    code_id: str
    made_on: date
    running: bool


class CountedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``counted.csv``: people counted at one place, and identifiers on the air at the same time."""

    round: int
    unit: str
    at: datetime
    minutes: int
    people: int
    """Counted by a person."""
    devices: float
    """Estimated from the identifiers on the air."""
    devices_low: float
    """Bounds of the 95 % interval."""
    devices_high: float
    counted_by: str = ""
    """Who counted the people, by role; lines of earlier versions end before it."""


ADDED: Final[dict[type[msgspec.Struct], tuple[str, ...]]] = {CountedLine: ("counted_by",)}
"""The last columns of a file, where earlier versions wrote none of them."""

Line = TypeVar("Line", ReportedLine, CollectedLine, CountedLine)


def append(path: Path, lines: Sequence[ReportedLine | CollectedLine | CountedLine]) -> None:
    """Append lines; a new file gets the names of the columns first. Raises OSError."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    with open_to_append(path) as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            writer.writerow(lines[0].__struct_fields__)
        elif os.pread(file.fileno(), 1, size - 1) != b"\n":
            out.write("\n")  # after a power cut in the middle of a line: the next reader names it
        for line in lines:
            writer.writerow([_text(value) for value in msgspec.structs.astuple(line)])
        file.buffer.write(out.getvalue().encode())
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, kind: type[Line]) -> Iterator[Line]:
    """Yield the lines of a file, none if there is no such file yet. Raises UptakeError."""
    try:
        text = read_text(path) if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UptakeError(
            N_("can't read {path}: {reason}"),
            N_("correct it, or restore it from your backup"),
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    names = list(kind.__struct_fields__)
    lengths = range(len(names) - len(ADDED.get(kind, ())), len(names) + 1)
    for number, row in csv_rows(text.split("\n"), path):
        if not row or (number == 1 and len(row) in lengths and row == names[: len(row)]):
            continue
        values: dict[str, Any] = {name: value for name, value in zip(names, row, strict=False) if value != ""}
        try:
            line = msgspec.convert(values, kind, strict=False)
            if len(row) not in lengths or not 1 <= line.round <= MOST_ROUNDS or min(_numbers(line)) < 0:
                raise ValueError(row)
        except ValueError as error:  # ValidationError is one
            raise UptakeError(
                N_("{path}, line {line}: this is not a record of {columns}"),
                N_("correct or remove that line, and record the unit again"),
                path=path,
                line=number,
                columns=",".join(names),
            ) from error
        yield line


def _numbers(line: ReportedLine | CollectedLine | CountedLine) -> Iterator[float]:
    return (value for value in msgspec.structs.astuple(line) if isinstance(value, int | float))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
