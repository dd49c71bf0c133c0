"""What was received: identifiers and their minutes."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.intervals import DAY_S, MINUTE_S, minute_at
from bluezone_agent.core.sightings import (
    BootTime,
    ContactHour,
    ContactMinute,
    pack_histogram,
    precedence,
    unpack_histogram,
)

DAY_MIN: Final = DAY_S // MINUTE_S
JOINED: Final = """
    SELECT m.*, observed_identifier.*, u.minute IS NULL AS trusted, u.uptime_s, boot_id, p.minute NOT NULL AS protected
    FROM contact_minute AS m JOIN observed_identifier ON observed_identifier.id = m.identifier_id
    LEFT JOIN undated AS u ON u.minute = m.minute AND u.identifier_id = m.identifier_id
    LEFT JOIN boot ON boot.id = u.boot
    LEFT JOIN protected AS p ON p.minute = m.minute AND p.identifier_id = m.identifier_id
"""
NEVER: Final = BootTime("", 0)
"""The beginning of a minute whose boot is unknown."""
REMEMBERED_MINUTES: Final = 30
"""An identifier is advertised for 10 to 15 minutes; twice the longer time allows for clocks that differ."""


class Dated(NamedTuple):
    """What was dated."""

    minutes: int
    oldest_at_s: float
    """When the first of them began, Unix seconds."""


class Contacts:
    """Contact minutes of 14 days."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._ids: dict[ObservedIdentifier, tuple[int, int]] = {}
        """Identifiers received recently → (id, last minute), so that no index is needed to find them."""

    def add(self, minutes: Sequence[ContactMinute]) -> None:
        """Write minutes in the caller's transaction. An identifier from hours ago gets a second row: harmless."""
        rows = sorted(  # in the order of the table, so that its pages are full
            (
                m.minute,
                self._identifier_id(m.observed, m.minute),
                *_measured(m),
                m.protected,
                None if m.trusted else (m.began or NEVER),
            )
            for m in minutes
        )
        self._db.executemany("INSERT INTO contact_minute VALUES (?, ?, ?, ?, ?, ?, ?)", (row[:-2] for row in rows))
        self._db.executemany("INSERT INTO protected VALUES (?, ?)", (row[:2] for row in rows if row[-2]))
        undated = [(minute, identifier_id, began) for minute, identifier_id, *_, began in rows if began is not None]
        boots = {boot_id: self._boot(boot_id) for boot_id in {began.boot_id for *_, began in undated}}
        self._db.executemany(
            "INSERT INTO undated VALUES (?, ?, ?, ?)",
            [(minute, identifier_id, boots[began.boot_id], began.uptime_s) for minute, identifier_id, began in undated],
        )
        if minutes:
            self._forget_before(minutes[-1].minute - REMEMBERED_MINUTES)

    def _boot(self, boot_id: str) -> int | None:
        if not boot_id:
            return None
        self._db.execute("INSERT INTO boot (boot_id) VALUES (?) ON CONFLICT DO NOTHING", (boot_id,))
        found: int = self._db.execute("SELECT id FROM boot WHERE boot_id = ?", (boot_id,)).fetchone()[0]
        return found

    def date(self, boot_id: str, booted_at_s: float, now_s: float) -> Dated:
        """Date the undated minutes of this boot, now that their time is known.

        ``booted_at_s`` is the wall time at uptime 0. Minutes of former boots were over by ``now_s``; no more is known.
        """
        self._db.execute(
            "UPDATE boot SET over_at_s = ? WHERE over_at_s IS NULL AND boot_id <> ?", (int(now_s), boot_id)
        )
        undated = self._db.execute(
            "SELECT minute, identifier_id, uptime_s, observed_identifier.* FROM undated"
            " JOIN observed_identifier ON observed_identifier.id = identifier_id"
            " WHERE boot = (SELECT id FROM boot WHERE boot_id = ?)",
            (boot_id,),
        ).fetchall()
        for row in undated:
            where, minute = (row["minute"], row["identifier_id"]), round((row["uptime_s"] + booted_at_s) / MINUTE_S)
            identifier_id = row["identifier_id"]
            moved = self._db.execute(
                "UPDATE OR IGNORE contact_minute SET minute = ? WHERE minute = ? AND identifier_id = ?",
                (minute, *where),
            )
            if not moved.rowcount:  # the identifier already has a row in that minute: the clock was set within it
                identifier_id = self._new_identifier(_observed(row))
                self._db.execute(
                    "UPDATE contact_minute SET minute = ?, identifier_id = ? WHERE minute = ? AND identifier_id = ?",
                    (minute, identifier_id, *where),
                )
            self._db.execute(
                "UPDATE protected SET minute = ?, identifier_id = ? WHERE minute = ? AND identifier_id = ?",
                (minute, identifier_id, *where),
            )
            self._db.execute("DELETE FROM undated WHERE minute = ? AND identifier_id = ?", where)
        if undated:
            self.forget()
        oldest_s = min((row["uptime_s"] + booted_at_s for row in undated), default=now_s)
        return Dated(len(undated), oldest_s)

    def _identifier_id(self, observed: ObservedIdentifier, minute: int) -> int:
        known = self._ids.get(observed)
        # unknown, or a clock that went back over a minute already written: a second row
        row_id = known[0] if known is not None and known[1] < minute else self._new_identifier(observed)
        self._ids[observed] = (row_id, minute)
        return row_id

    def _new_identifier(self, observed: ObservedIdentifier) -> int:
        cursor = self._db.execute(
            "INSERT INTO observed_identifier (protocol, identifier, metadata) VALUES (?, ?, ?)", observed
        )
        return cursor.lastrowid or 0

    def forget(self) -> None:
        """Drop the memory of identifiers, after a transaction that did not commit."""
        self._ids.clear()

    def _forget_before(self, minute: int) -> None:
        self._ids = {b: known for b, known in self._ids.items() if known[1] >= minute}

    def identifiers(self, protocol: str) -> tuple[array[int], bytearray]:
        """Return the ids and, in the same order, the concatenated identifiers: the input for matching.

        A million of them take 24 MB.
        """
        ids, packed = array("q"), bytearray()
        for identifier_id, identifier in self._db.execute(
            "SELECT id, identifier FROM observed_identifier WHERE protocol = ?", (protocol,)
        ):
            ids.append(identifier_id)
            packed += identifier
        return ids, packed

    def days(self) -> set[int]:
        """Return the days (since the Unix epoch) with any data; reads one row per day."""
        days: set[int] = set()
        minute = 0
        while row := self._db.execute(
            "SELECT minute FROM contact_minute WHERE minute >= ? ORDER BY minute LIMIT 1", (minute,)
        ).fetchone():
            days.add(row[0] // DAY_MIN)
            minute = (row[0] // DAY_MIN + 1) * DAY_MIN
        return days

    def minutes_of(self, identifier_ids: Iterable[int]) -> list[ContactMinute]:
        """Return all minutes of the given identifiers, oldest first."""
        wanted = sorted(set(identifier_ids))
        rows: list[sqlite3.Row] = []
        for at in range(0, len(wanted), 500):
            chunk = wanted[at : at + 500]
            marks = ", ".join("?" * len(chunk))
            rows += self._db.execute(
                f"{JOINED} WHERE m.identifier_id IN ({marks})",
                chunk,
            ).fetchall()
        return sorted((_contact_minute(row) for row in rows), key=lambda m: m.minute)

    def minutes_since(self, unix_s: float) -> list[ContactMinute]:
        """Return all minutes from the one of ``unix_s`` on, oldest first."""
        rows = self._db.execute(
            f"{JOINED} WHERE m.minute >= ? ORDER BY m.minute",
            (minute_at(unix_s),),
        )
        return [_contact_minute(row) for row in rows]

    def trusted(self) -> Iterator[ContactMinute]:
        """Yield all minutes of known time, in order of time."""
        for row in self._db.execute(f"{JOINED} WHERE u.minute IS NULL ORDER BY m.minute"):
            yield _contact_minute(row)

    def merge(self, minute: int, others: Iterable[ContactMinute]) -> int:
        """Merge what another device received in one minute; return how many of its entries were taken.

        If both devices have received an identifier in it, the entry that comes first by ``precedence`` is kept, in this
        device's row: a running agent remembers its row.
        """
        known: dict[ObservedIdentifier, list[tuple[ContactMinute, int]]] = {}
        for row in self._db.execute(f"{JOINED} WHERE m.minute = ? AND u.minute IS NULL", (minute,)):
            known.setdefault(_observed(row), []).append((_contact_minute(row), row["identifier_id"]))
        best: dict[ObservedIdentifier, ContactMinute] = {}
        for m in others:
            best[m.observed] = max(m, best.get(m.observed, m), key=precedence)
        taken = [
            m for m in best.values() if all(precedence(m) > precedence(ours) for ours, _ in known.get(m.observed, ()))
        ]
        self.add([m for m in taken if m.observed not in known])
        for m in taken:
            if m.observed in known:
                self._replace(m, *(identifier_id for _, identifier_id in known[m.observed]))
        return len(taken)

    def _replace(self, m: ContactMinute, identifier_id: int, *others: int) -> None:
        """Put ``m`` in place of a minute's row, and of other rows of the same identifier."""
        self._db.execute(
            "UPDATE contact_minute SET (count, mean_cdbm, min_dbm, max_dbm, histogram) = (?, ?, ?, ?, ?)"
            " WHERE minute = ? AND identifier_id = ?",
            (*_measured(m), m.minute, identifier_id),
        )
        gone = [(m.minute, other) for other in others]
        self._db.executemany("DELETE FROM contact_minute WHERE minute = ? AND identifier_id = ?", gone)
        if not m.protected:
            gone.append((m.minute, identifier_id))
        self._db.executemany("DELETE FROM protected WHERE minute = ? AND identifier_id = ?", gone)

    def hours(self, since_s: float) -> list[ContactHour]:
        """Return each hour since ``since_s`` in which something was received, oldest first."""
        rows = self._db.execute(
            """
            SELECT minute / 60 * 3600 AS starts_at_s, count(DISTINCT identifier) AS identifiers,
                   count(DISTINCT minute) AS minutes, count(*) AS identifier_minutes, max(max_dbm) AS strongest_dbm
            FROM contact_minute JOIN observed_identifier ON observed_identifier.id = identifier_id
            WHERE minute >= ? GROUP BY minute / 60 ORDER BY 1
            """,
            (minute_at(since_s),),
        )
        return [ContactHour(*row) for row in rows]

    def delete_before(self, unix_s: float) -> int:
        """Delete minutes before ``unix_s``, and identifiers without any minute; return how many minutes were deleted.

        Undated minutes, whose own number means nothing, are deleted when their boot was over before ``unix_s``.
        """
        gone = self._db.execute(
            "DELETE FROM contact_minute WHERE minute < ?"
            " AND (minute, identifier_id) NOT IN (SELECT minute, identifier_id FROM undated WHERE boot NOT NULL)",
            (int(unix_s // MINUTE_S),),
        ).rowcount
        gone += self._db.execute(
            "DELETE FROM contact_minute WHERE (minute, identifier_id) IN (SELECT minute, identifier_id FROM undated"
            " JOIN boot ON boot.id = boot WHERE over_at_s < ?)",
            (int(unix_s),),
        ).rowcount
        if gone:
            self._delete_orphans()
        return gone

    def delete_oldest(self, minutes: int) -> int:
        """Delete the oldest ``minutes`` rows, undated ones first, which never count; return how many were deleted."""
        gone = self._db.execute(
            "DELETE FROM contact_minute WHERE (minute, identifier_id) IN"
            " (SELECT minute, identifier_id FROM contact_minute LEFT JOIN undated AS u USING (minute, identifier_id)"
            "  ORDER BY u.minute IS NULL, minute LIMIT ?)",
            (minutes,),
        ).rowcount
        if gone:
            self._delete_orphans()
        return gone

    def _delete_orphans(self) -> None:
        self._db.execute("DELETE FROM observed_identifier WHERE id NOT IN (SELECT identifier_id FROM contact_minute)")
        for table in ("undated", "protected"):
            self._db.execute(
                f"DELETE FROM {table} WHERE (minute, identifier_id) NOT IN"  # noqa: S608
                " (SELECT minute, identifier_id FROM contact_minute)"
            )
        self._db.execute("DELETE FROM boot WHERE id NOT IN (SELECT boot FROM undated WHERE boot NOT NULL)")
        self.forget()


def _measured(m: ContactMinute) -> tuple[int, int, int, int, bytes]:
    return m.count, round(m.mean_dbm * 100), m.min_dbm, m.max_dbm, pack_histogram(m.histogram)


def _contact_minute(row: sqlite3.Row) -> ContactMinute:
    return ContactMinute(
        _observed(row),
        row["minute"],
        row["count"],
        row["mean_cdbm"] / 100,
        row["min_dbm"],
        row["max_dbm"],
        unpack_histogram(row["histogram"]),
        bool(row["trusted"]),
        None if row["boot_id"] is None else BootTime(row["boot_id"], row["uptime_s"]),
        bool(row["protected"]),
    )


def _observed(row: sqlite3.Row) -> ObservedIdentifier:
    return ObservedIdentifier(row["protocol"], row["identifier"], row["metadata"])
