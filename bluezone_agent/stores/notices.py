"""Notices that wait for their owner, and those that were delivered."""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.notice import Notice

RETRY_S: Final = (60, 300, 900, 3600, 4 * 3600)
"""Seconds after each failed attempt; the last value is repeated."""


class QueuedNotice(msgspec.Struct, frozen=True):
    """A notice that its owner has not received yet."""

    notice_id: int
    notice: Notice
    attempts: int
    failure: str
    """Why the last attempt failed, empty before it."""


class Notices:
    """A queue: each notice is delivered at least once, or expires after 14 days."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, notice: Notice, now_s: float) -> None:
        """Queue a notice, together with the transaction's other writes."""
        self._db.execute(
            "INSERT INTO notice (title, body, created_at_s, attempts, next_try_at_s, failure)"
            " VALUES (?, ?, ?, 0, ?, '')",
            (notice.title, notice.body, int(now_s), int(now_s)),
        )

    def waiting(self, now_s: float) -> list[QueuedNotice]:
        """Return the undelivered notices that have not expired, oldest first."""
        return self._queued("delivered_at_s IS NULL AND created_at_s >= ?", _oldest_s(now_s))

    def take_due(self, now_s: float) -> list[QueuedNotice]:
        """Return the notices to be tried now, oldest first; nobody else gets them until they are due again."""
        due = self._due(now_s)
        for queued in due:
            retry_s = RETRY_S[min(queued.attempts, len(RETRY_S) - 1)]
            self._db.execute(
                "UPDATE notice SET attempts = attempts + 1, next_try_at_s = ? WHERE id = ?",
                (int(now_s) + retry_s, queued.notice_id),
            )
        return due

    def is_due(self, now_s: float) -> bool:
        """Return whether a notice is due."""
        return bool(self._due(now_s))

    def delivered(self, notice_id: int, now_s: float) -> None:
        """Record that a notice reached its owner; its text is no longer needed."""
        self._db.execute(
            "UPDATE notice SET delivered_at_s = ?, title = '', body = '', failure = '' WHERE id = ?",
            (int(now_s), notice_id),
        )

    def failed(self, notice_id: int, failure: str) -> None:
        """Record why an attempt failed."""
        self._db.execute("UPDATE notice SET failure = ? WHERE id = ?", (failure, notice_id))

    def delete_before(self, unix_s: float) -> None:
        """Delete notices queued before ``unix_s``: their subject has expired."""
        self._db.execute("DELETE FROM notice WHERE created_at_s < ?", (int(unix_s),))

    def _due(self, now_s: float) -> list[QueuedNotice]:
        """If the next attempt is farther away than any retry, its time comes from a wrong clock."""
        return self._queued(
            "delivered_at_s IS NULL AND created_at_s >= ? AND NOT (next_try_at_s > ? AND next_try_at_s <= ?)",
            _oldest_s(now_s),
            int(now_s),
            int(now_s) + RETRY_S[-1],
        )

    def _queued(self, where: str, *values: int) -> list[QueuedNotice]:
        rows = self._db.execute(
            f"SELECT id, title, body, attempts, failure FROM notice WHERE {where} ORDER BY id",  # noqa: S608 - constants
            values,
        )
        return [QueuedNotice(row[0], Notice(row[1], row[2]), row[3], row[4]) for row in rows]


def _oldest_s(now_s: float) -> int:
    return int(now_s) - RETENTION_DAYS * DAY_S
