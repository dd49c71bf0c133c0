"""This device's daily keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import msgspec

from bluezone_agent.core.identifiers import DailyKey, key_digest
from bluezone_agent.stores.key_encryption import KeyEncryption, Row


class OwnKey(msgspec.Struct, frozen=True):
    """A daily key of this device and its state."""

    key_id: int
    key: DailyKey
    last_slot_s: int
    """Start of the newest slot whose identifier was advertised, Unix seconds."""
    closed: bool
    """It is never advertised again."""
    exportable: bool
    """It was made while the clock was trusted."""


class ListedKey(msgspec.Struct, frozen=True):
    """What is known of a key of this device without its secret."""

    protocol: str
    starts_at_s: int
    ends_at_s: int
    closed: bool
    exportable: bool


class OwnKeys:
    """Daily keys of 14 days. If they are encrypted, a key can be read or written only after unlocking."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._encryption = KeyEncryption(db)

    @property
    def encrypted(self) -> bool:
        """Whether their secrets are encrypted with a passphrase."""
        return self._encryption.encrypted

    def unlock(self, passphrase: str) -> None:
        """Unlock encrypted keys; raises KeysEncryptedError for another passphrase, StoreDamagedError for a bad key."""
        self._encryption.unlock(passphrase)
        for own in self.all():
            self._remember(own.key)

    def encrypt(self, passphrase: str) -> int:
        """Encrypt all present and future keys; return how many there are."""
        return self._rewrite(lambda: self._encryption.encrypt(passphrase))

    def decrypt(self) -> int:
        """Remove the encryption of unlocked keys; return how many there are."""
        return self._rewrite(self._encryption.decrypt)

    def _rewrite(self, change: Callable[[], None]) -> int:
        keys = self.all()
        change()
        for own in keys:
            data = self._encryption.put(own.key.data, row_of(own.key_id, own.key))
            self._db.execute("UPDATE daily_key SET data = ? WHERE id = ?", (data, own.key_id))
        return len(keys)

    def listed(self) -> list[ListedKey]:
        """Return what is known of every key without its secret, oldest first."""
        rows = self._db.execute(
            "SELECT protocol, starts_at_s, ends_at_s, closed, exportable FROM daily_key ORDER BY starts_at_s, id"
        )
        return [
            ListedKey(protocol, starts_at_s, ends_at_s, bool(closed), bool(exportable))
            for protocol, starts_at_s, ends_at_s, closed, exportable in rows
        ]

    def add(self, key: DailyKey, *, last_slot_s: int, exportable: bool, closed: bool = False) -> None:
        """Write a key together with its newest slot; a new one is not closed."""
        (key_id,) = self._db.execute("SELECT ifnull(max(id), 0) + 1 FROM daily_key").fetchone()
        stored = key._replace(data=self._encryption.put(key.data, row_of(key_id, key)))
        self._db.execute(
            "INSERT INTO daily_key"
            " (id, protocol, data, starts_at_s, ends_at_s, slots_per_day, last_slot_s, closed, exportable)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key_id, *stored, last_slot_s, closed, exportable),
        )
        self._remember(key)

    def _remember(self, key: DailyKey) -> None:
        """Write the key's digest, by which a check without the passphrase recognises this device's key."""
        self._db.execute(
            "INSERT INTO own_key_digest VALUES (?, ?) ON CONFLICT DO NOTHING", (key_digest(key.data), key.ends_at_s)
        )

    def digests(self) -> set[str]:
        """Return the digests of all keys of this device in the last 14 days, even if they are encrypted."""
        return {row[0] for row in self._db.execute("SELECT key_digest FROM own_key_digest")}

    def running(self) -> OwnKey | None:
        """Return the current key, None when there is none that may continue."""
        row = self._db.execute("SELECT * FROM daily_key WHERE NOT closed ORDER BY id DESC LIMIT 1").fetchone()
        return self._own_key(row) if row else None

    def count(self, protocol: str, starts_at_s: int) -> int:
        """Return how many keys one day has."""
        (found,) = self._db.execute(
            "SELECT count(*) FROM daily_key WHERE protocol = ? AND starts_at_s = ?", (protocol, starts_at_s)
        ).fetchone()
        return int(found)

    def advance(self, own: OwnKey, slot_s: int) -> None:
        """Record that the slot which starts at ``slot_s`` is advertised."""
        self._db.execute("UPDATE daily_key SET last_slot_s = ? WHERE id = ?", (slot_s, own.key_id))

    def close(self, own: OwnKey) -> None:
        """End a key with the last advertised slot; a key that is never exported has no further use and is deleted."""
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
        rows = self._db.execute("SELECT * FROM daily_key ORDER BY starts_at_s, id").fetchall()
        return [self._own_key(row) for row in rows]

    def delete_after(self, unix_s: float) -> int:
        """Delete keys that begin after ``unix_s``, which were made by a wrong clock; return how many."""
        return self._db.execute("DELETE FROM daily_key WHERE starts_at_s > ?", (int(unix_s),)).rowcount

    def delete_before(self, unix_s: float) -> int:
        """Delete keys that ended before ``unix_s``; return how many."""
        self._db.execute("DELETE FROM own_key_digest WHERE ends_at_s < ?", (int(unix_s),))
        return self._db.execute("DELETE FROM daily_key WHERE ends_at_s < ?", (int(unix_s),)).rowcount

    def _own_key(self, row: sqlite3.Row) -> OwnKey:
        key = DailyKey(row["protocol"], row["data"], row["starts_at_s"], row["ends_at_s"], row["slots_per_day"])
        key = key._replace(data=self._encryption.take(key.data, row_of(row["id"], key)))
        return OwnKey(row["id"], key, row["last_slot_s"], bool(row["closed"]), bool(row["exportable"]))


def row_of(key_id: int, key: DailyKey) -> Row:
    """Return what a key's secret is bound to."""
    return key_id, key.protocol, key.starts_at_s, key.slots_per_day
