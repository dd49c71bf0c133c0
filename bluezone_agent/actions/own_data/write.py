"""Writes an export: a new folder with the tables and their dictionary."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from bluezone_agent.actions.own_data.columns import Tables
from bluezone_agent.actions.own_data.dictionary import dictionary
from bluezone_agent.actions.own_data.rows import OwnData
from bluezone_agent.actions.own_data.tables import TABLES
from bluezone_agent.errors import N_, NewFileError
from bluezone_agent.files import create, made_folder

FORMATS: Final = {"csv": "csv_tables", "parquet": "parquet_tables", "sqlite": "sqlite_tables"}
"""Name → the module here whose ``write_tables(folder, tables)`` writes it. It is imported when it is asked for."""
DICTIONARY: Final = "DICTIONARY.md"

WriteTables = Callable[[Path, Tables], dict[str, int]]


def table_writer(name: str) -> WriteTables:
    """Return what writes tables in a format of :data:`FORMATS`; raises ExportError if a package is missing."""
    module = import_module(f"{__package__}.{FORMATS[name]}")
    return cast("WriteTables", module.write_tables)


def write_export(folder: Path, write_tables: WriteTables, data: OwnData, exported_at: datetime) -> dict[str, int]:
    """Write every table and the dictionary into a new or empty ``folder``; return the number of rows of each.

    If that fails, nothing is left of it. Raises NewFileError.
    """
    try:
        with made_folder(folder):
            rows = write_tables(folder, ((table, data.rows(table.name)) for table in TABLES))
            create(folder / DICTIONARY, dictionary(rows, exported_at).encode())
    except OSError as error:
        raise NewFileError(
            N_("can't write the export to {path}: {reason}"),
            N_("choose a new folder, where there is room and where you can write"),
            path=folder,
            reason=error.strerror or errno.errorcode.get(error.errno or 0, "?"),
        ) from error
    return rows
