"""A store's bytes in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

from bluezone_agent.stores.file.connection import MEMORY, connect
from bluezone_agent.stores.submission_tokens import SubmissionTokens

JOURNAL_MODE: Final = slice(18, 20)
"""Part of the file's header: a store in memory has no write-ahead log (SQLite's file format, section 1.3.3)."""
ROLLBACK: Final = b"\1\1"


def load(db: sqlite3.Connection, data: bytes | bytearray) -> None:
    """Fill a database in memory with a store's bytes; deletions in it leave no trace. Raises DatabaseError.

    A bytearray is changed in place, so that there is one copy less.
    """
    image = data if isinstance(data, bytearray) else bytearray(data)
    image[JOURNAL_MODE] = ROLLBACK
    db.deserialize(image)
    db.execute("PRAGMA secure_delete=on")


def without_tokens(data: bytes) -> bytes:
    """Return a store's bytes without any token of a key server."""
    with closing(connect(MEMORY)) as db:
        load(db, data)
        SubmissionTokens(db).delete_all()
        return db.serialize()
