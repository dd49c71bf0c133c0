"""Our own daily keys."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from bluezone_agent.core.identifiers import DailyKey


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A daily key of ours and what became of it."""

    key_id: int
    key: DailyKey
    last_slot_s: int
    """Start of the newest slot whose identifier was on the air, Unix seconds."""
    closed: bool
    """It never goes on the air again."""
    exportable: bool
    """It was made while the clock was trusted."""


class OwnKeys:
    """Daily keys of 14 days."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, key: DailyKey, *, last_slot_s: int, exportable: bool, closed: bool = False) -> None:
        """Write a key together with its newest slot; a new one is not closed."""
        self._db.execute(
            "INSERT INTO daily_key"
            " (protocol, data, starts_at_s, ends_at_s, slots_per_day, last_slot_s, closed, exportable)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, last_slot_s, closed, exportable),
        )

    def running(self) -> OwnKey | None:
        """Return the key that is on the air, None when there is none that may go on."""
        row = self._db.execute("SELECT * FROM daily_key WHERE NOT closed ORDER BY id DESC LIMIT 1").fetchone()
        return _own_key(row) if row else None

    def advance(self, own: OwnKey, slot_s: int) -> None:
        """Record that the slot which starts at ``slot_s`` goes on the air."""
        self._db.execute("UPDATE daily_key SET last_slot_s = ? WHERE id = ?", (slot_s, own.key_id))

    def close(self, own: OwnKey) -> None:
        """End a key with the last slot that was on the air; one that is never exported has no further use and goes."""
        if not own.exportable:
            self._db.execute("DELETE FROM daily_key WHERE id = ?", (own.key_id,))
            return
        ends_at_s = min(own.key.ends_at_s, own.last_slot_s + own.key.slot_s)
        self._db.execute("UPDATE daily_key SET closed = 1, ends_at_s = ? WHERE id = ?", (ends_at_s, own.key_id))

    def close_all(self) -> None:
        """End every key with its last slot, as :meth:`close` ends one."""
        self._db.execute("DELETE FROM daily_key WHERE NOT closed AND NOT exportable")
        self._db.execute(
            "UPDATE daily_key SET closed = 1, ends_at_s = min(ends_at_s, last_slot_s + 86400 / slots_per_day)"
            " WHERE NOT closed"
        )

    def all(self) -> list[OwnKey]:
        """Return every key, oldest first."""
        return [_own_key(row) for row in self._db.execute("SELECT * FROM daily_key ORDER BY starts_at_s, id")]

    def delete_after(self, unix_s: float) -> int:
        """Delete keys that begin after ``unix_s``: they were made by a clock that was wrong; return how many."""
        return self._db.execute("DELETE FROM daily_key WHERE starts_at_s > ?", (int(unix_s),)).rowcount

    def delete_before(self, unix_s: float) -> int:
        """Delete keys that ended before ``unix_s``; return how many."""
        return self._db.execute("DELETE FROM daily_key WHERE ends_at_s < ?", (int(unix_s),)).rowcount


def _own_key(row: sqlite3.Row) -> OwnKey:
    key = DailyKey(row["protocol"], row["data"], row["starts_at_s"], row["ends_at_s"], row["slots_per_day"])
    return OwnKey(row["id"], key, row["last_slot_s"], bool(row["closed"]), bool(row["exportable"]))
