"""The agent's journal in the store: one row for each kind of record (``bluezone_agent.core.journal``)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

import msgspec

from bluezone_agent.core.journal import KINDS, R, Record, Records

PUT: Final = """
    INSERT INTO journal (kind, version, at_s, record) VALUES (?, ?, ?, ?) ON CONFLICT (kind) DO UPDATE SET
    version = excluded.version, at_s = excluded.at_s, record = excluded.record"""


class StoredJournal:
    """The newest record of each kind.

    A record that can't be read counts as absent: it is damaged, or another version of the agent wrote it.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, record: Record) -> None:
        """Write a record in place of the previous one of its kind, in the caller's transaction."""
        text = msgspec.json.encode(record).decode()
        self._db.execute(PUT, (record.kind, record.version, record.at_s, text))

    def get(self, kind: type[R]) -> R | None:
        """Return the record of ``kind``; None if there is none that can be read."""
        row = self._db.execute("SELECT version, at_s, record FROM journal WHERE kind = ?", (kind.kind,)).fetchone()
        return None if row is None else _read(kind, *row)

    def read(self) -> Records:
        """Return every record as of one moment."""
        rows = self._db.execute("SELECT kind, version, at_s, record FROM journal").fetchall()
        found = (_read(KINDS[name], *row) for name, *row in rows if name in KINDS)
        return Records(record for record in found if record is not None)

    def delete(self, kinds: Iterable[type[Record]]) -> None:
        """Delete the records of ``kinds``, in the caller's transaction."""
        self._db.executemany("DELETE FROM journal WHERE kind = ?", [(kind.kind,) for kind in kinds])

    def delete_before(self, kind: type[Record], limit_s: float) -> None:
        """Delete the record of ``kind`` if it is older, in the caller's transaction."""
        self._db.execute("DELETE FROM journal WHERE kind = ? AND at_s < ?", (kind.kind, limit_s))


def _read(kind: type[R], version: int, at_s: int, text: str) -> R | None:
    try:
        record = msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError):
        return None
    return record if (version, at_s) == (kind.version, record.at_s) else None
