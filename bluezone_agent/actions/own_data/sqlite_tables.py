"""One SQLite file with every table; days and times are text, as in CSV."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Final

from bluezone_agent.actions.own_data.columns import ColumnType, Row, Table, Tables, Value
from bluezone_agent.files import create
from bluezone_agent.stores.file.connection import connect

NAME: Final = "bluezone.sqlite"
TYPES: Final = {ColumnType.INTEGER: "INTEGER", ColumnType.REAL: "REAL", ColumnType.BOOLEAN: "INTEGER"}
"""All others are TEXT."""


def write_tables(folder: Path, tables: Tables) -> dict[str, int]:
    """Write all tables in one transaction; return the number of rows of each. Raises OSError."""
    path = folder / NAME
    create(path, b"")  # with its mode; SQLite takes an empty file for a new database
    with closing(connect(str(path))) as db:
        try:
            db.execute("PRAGMA journal_mode=MEMORY")
            db.execute("BEGIN")
            written = {table.name: _write(db, table, rows) for table, rows in tables}
            db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise OSError(errno.EIO, str(error), str(path)) from error
    return written


def _write(db: sqlite3.Connection, table: Table, rows: Iterable[Row]) -> int:
    columns = ", ".join(f'"{column.name}" {TYPES.get(column.type, "TEXT")}' for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    db.execute(f'CREATE TABLE "{table.name}" ({columns}) STRICT')
    written = db.executemany(
        f'INSERT INTO "{table.name}" VALUES ({marks})',  # noqa: S608 - the program's own names
        (tuple(map(_stored, row)) for row in rows),
    ).rowcount
    return max(written, 0)


def _stored(value: Value) -> str | int | float | None:
    return value.isoformat() if isinstance(value, datetime | date) else value
