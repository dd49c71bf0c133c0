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
    """A notice that its owner has not received through every channel yet."""

    notice_id: int
    notice: Notice
    created_at_s: int
    attempts: int
    failure: str
    """Why the last attempt failed, empty before it."""
    delivered: frozenset[str]
    """The channels that have delivered it."""


class Notices:
    """A queue: each notice is delivered by each channel at least once, or expires after 14 days."""

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
        """Return all waiting notices if one of them is due, oldest first, so that they are delivered in this order.

        Nobody else gets them until one is due again.
        """
        taken = self.waiting(now_s) if self.is_due(now_s) else []
        for queued in taken:
            retry_s = RETRY_S[min(queued.attempts, len(RETRY_S) - 1)]
            self._db.execute(
                "UPDATE notice SET attempts = attempts + 1, next_try_at_s = ? WHERE id = ?",
                (int(now_s) + retry_s, queued.notice_id),
            )
        return taken

    def is_due(self, now_s: float) -> bool:
        """Return whether a notice is due.

        If the next attempt is farther away than any retry, its time comes from a wrong clock.
        """
        due = self._queued(
            "delivered_at_s IS NULL AND created_at_s >= ? AND NOT (next_try_at_s > ? AND next_try_at_s <= ?)",
            _oldest_s(now_s),
            int(now_s),
            int(now_s) + RETRY_S[-1],
        )
        return bool(due)

    def delivered_by(self, notice_id: int, channel: str, now_s: float) -> None:
        """Record that a channel delivered a notice, which it does not get again."""
        self._db.execute("INSERT OR IGNORE INTO notice_delivery VALUES (?, ?, ?)", (notice_id, channel, int(now_s)))

    def delivered(self, notice_id: int, now_s: float) -> None:
        """Record that every channel delivered a notice; its text is no longer needed."""
        self._db.execute(
            "UPDATE notice SET delivered_at_s = ?, title = '', body = '', failure = '' WHERE id = ?",
            (int(now_s), notice_id),
        )
        self._db.execute("DELETE FROM notice_delivery WHERE notice_id = ?", (notice_id,))

    def failed(self, notice_id: int, failure: str) -> None:
        """Record why an attempt failed."""
        self._db.execute("UPDATE notice SET failure = ? WHERE id = ? AND delivered_at_s IS NULL", (failure, notice_id))

    def delete_before(self, unix_s: float) -> None:
        """Delete notices queued before ``unix_s``: their subject has expired."""
        self._db.execute("DELETE FROM notice WHERE created_at_s < ?", (int(unix_s),))
        self._db.execute("DELETE FROM notice_delivery WHERE notice_id NOT IN (SELECT id FROM notice)")

    def _queued(self, where: str, *values: int) -> list[QueuedNotice]:
        rows = self._db.execute(
            "SELECT id, title, body, created_at_s, attempts, failure FROM notice"  # noqa: S608 - constants
            f" WHERE {where} ORDER BY id",
            values,
        ).fetchall()
        return [
            QueuedNotice(row[0], Notice(row[1], row[2]), row[3], row[4], row[5], self._channels(row[0])) for row in rows
        ]

    def _channels(self, notice_id: int) -> frozenset[str]:
        rows = self._db.execute("SELECT channel FROM notice_delivery WHERE notice_id = ?", (notice_id,))
        return frozenset(row[0] for row in rows)


def _oldest_s(now_s: float) -> int:
    return int(now_s) - RETENTION_DAYS * DAY_S
