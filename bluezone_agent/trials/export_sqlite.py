"""A dataset as one SQLite file: every table, and a table that explains every column."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database

from bluezone_agent.files import create
from bluezone_agent.trials.dataset import Dataset
from bluezone_agent.trials.dataset_tables import TABLES

NAME: Final = "trial.sqlite"
CODE_BOOK: Final = "columns"
KINDS: Final = {"string": str, "integer": int, "number": float, "boolean": bool}
ROWS_AT_ONCE: Final = 50_000


def write_sqlite(dataset: Dataset, folder: Path) -> None:
    """Write all tables of a dataset into a new file in ``folder``. Raises OSError."""
    path = folder / NAME
    create(path, b"")  # with its mode; SQLite takes an empty file for a new database
    db = Database(path)
    try:
        for table, columns in TABLES.items():
            db.table(table).create({column.name: KINDS[column.type] for column in columns}, strict=True)
            db.table(table).insert_all(_rows(dataset, table), batch_size=ROWS_AT_ONCE)
        db.table(CODE_BOOK).insert_all(_code_book())
    except sqlite3.OperationalError as error:
        raise OSError(errno.EIO, str(error), str(path)) from error
    finally:
        db.conn.close()


def _code_book() -> Iterator[dict[str, str]]:
    for table, columns in TABLES.items():
        for column in columns:
            yield {
                "table": table,
                "column": column.name,
                "type": column.type,
                "unit": column.unit,
                "description": column.description,
            }


def _rows(dataset: Dataset, table: str) -> Iterator[dict[str, Any]]:
    for batch in dataset.batches(table, ROWS_AT_ONCE):
        yield from batch.to_pylist()
