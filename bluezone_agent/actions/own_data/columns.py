"""What a table and its columns are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from enum import StrEnum
from itertools import islice

import msgspec

from bluezone_agent.errors import Text

Value = str | int | float | bool | datetime | date | None
Row = tuple[Value, ...]


class ColumnType(StrEnum):
    """The type of a column's values; any of them may be missing (None)."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    TIME = "time"
    """An aware datetime: local time with its offset from UTC."""
    DAY = "day"


class Column(msgspec.Struct, frozen=True):
    """A column."""

    name: str
    type: ColumnType
    meaning: Text
    unit: str = ""


class Table(msgspec.Struct, frozen=True):
    """A table."""

    name: str
    meaning: Text
    columns: tuple[Column, ...]


Tables = Iterable[tuple[Table, Iterable[Row]]]
"""Tables with their rows, which are read once, in order."""


def in_groups(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield the rows in lists of at most ``size``."""
    left = iter(rows)
    while group := list(islice(left, size)):
        yield group
