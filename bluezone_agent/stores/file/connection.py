"""The only way to open a SQLite file: the settings of every connection, whatever its purpose."""

from __future__ import annotations

import sqlite3
from typing import Final

BUSY_TIMEOUT_MS: Final = 10_000
MEMORY: Final = ":memory:"


def connect(database: str, *, timeout_ms: int = BUSY_TIMEOUT_MS, uri: bool = False) -> sqlite3.Connection:
    """Connect to a file's path, to its ``file:`` address (``uri``), or to :data:`MEMORY`; raises sqlite3.Error.

    Rows have names, and a statement is its own transaction unless one was begun. SQLite sorts in memory: otherwise
    large sorts would go to files in /var/tmp, identifiers and days among them, and stay on a memory card when they are
    deleted (https://www.sqlite.org/tempfiles.html, section 5).
    """
    db = sqlite3.connect(database, isolation_level=None, timeout=timeout_ms / 1000, uri=uri)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA temp_store=MEMORY")
    return db
