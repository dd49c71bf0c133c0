"""CSV by RFC 4180: UTF-8, CRLF, decimal points, times as ISO 8601 with their offset.

A file begins with a byte order mark: without one Excel takes UTF-8 for the encoding of its system, and Vietnamese can't
be read (Microsoft, "Opening CSV UTF-8 files correctly in Excel").
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final

from bluezone_agent.actions.own_data.columns import ColumnType, Row, Table, Tables, Value, in_groups
from bluezone_agent.files import create

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")
"""A spreadsheet takes a cell that begins so for a formula (OWASP, CSV Injection). The last one is here so that an added
apostrophe can be told from the writer's own."""
AT_ONCE: Final = 1000
"""Rows that are written in one piece."""


def write_tables(folder: Path, tables: Tables) -> dict[str, int]:
    """Write ``NAME.csv`` for each table; return the number of its rows. Raises OSError."""
    return {table.name: _write(folder / f"{table.name}.csv", table, rows) for table, rows in tables}


def _write(path: Path, table: Table, rows: Iterable[Row]) -> int:
    written = 0
    texts = [column.type is ColumnType.TEXT for column in table.columns]

    def pieces() -> Iterator[bytes]:
        nonlocal written
        yield codecs.BOM_UTF8 + _lines([[column.name for column in table.columns]])
        for some in in_groups(rows, AT_ONCE):
            written += len(some)
            yield _lines([_cell(v, text=t) for v, t in zip(row, texts, strict=True)] for row in some)

    create(path, pieces())
    return written


def _lines(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cell(value: Value, *, text: bool) -> str:
    """Return a cell; a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if text and isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return str(value)
