"""The owner's diary."""

from __future__ import annotations

import sqlite3
from datetime import date

import msgspec

from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.core.intervals import DAY_S


class StoredEntry(msgspec.Struct, frozen=True):
    """A line of the diary."""

    entry_id: int
    day: date
    """The owner's day that it is about."""
    text: str
    written_at_s: int


class Diary:
    """Lines about the last 14 days."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, day: date, text: str, now_s: float) -> int:
        """Write a line (``core.diary``) in the caller's transaction; return its number."""
        cursor = self._db.execute(
            "INSERT INTO diary (day, text, written_at_s) VALUES (?, ?, ?)", (day.isoformat(), text, int(now_s))
        )
        return cursor.lastrowid or 0

    def since(self, first: date = date.min) -> list[StoredEntry]:
        """Return the lines about the days from ``first`` on, by day and in the order in which they were written."""
        rows = self._db.execute(
            "SELECT id, day, text, written_at_s FROM diary WHERE day >= ? ORDER BY day, id", (first.isoformat(),)
        )
        return [StoredEntry(number, date.fromisoformat(day), *row) for number, day, *row in rows]

    def delete(self, entry_id: int) -> bool:
        """Delete a line in the caller's transaction; return whether there was one."""
        return self._db.execute("DELETE FROM diary WHERE id = ?", (entry_id,)).rowcount > 0

    def delete_before(self, unix_s: float) -> None:
        """Delete lines about days before ``unix_s``, a day later, because time zones differ."""
        oldest = UTC_CALENDAR.day(unix_s - DAY_S)
        self._db.execute("DELETE FROM diary WHERE day < ?", (oldest.isoformat(),))
