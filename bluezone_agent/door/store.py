"""What is kept of a door: one SQLite file of its own beside the agent's, without a single identifier."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bluezone_agent.core.door import Direction, DoorCounts, Passage
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.door.schema import NAMES, applied
from bluezone_agent.errors import N_, StoreDamagedError, StoreError
from bluezone_agent.stores.file.connection import connect
from bluezone_agent.stores.file.open import (
    APPLICATION_ID,
    DOOR_FILE_NAME,
    configure,
    exclusively,
    make_private,
    store_error,
)
from bluezone_agent.stores.file.quarantine import LOG_NAMES, QUARANTINED

FILE_NAME: Final = DOOR_FILE_NAME
DAY_MINUTES: Final = DAY_S // MINUTE_S
NEVER: Final = 2**62
"""Beyond every minute."""
COLUMNS: Final = "minute, utc_offset_min, direction, protocol, clock_trusted"


class MeasuredThreshold(msgspec.Struct, frozen=True):
    """A threshold that was measured at the door."""

    radio: str
    """The radio's description: another radio is another receiver."""
    threshold_dbm: int
    near_dbm: float
    away_dbm: float
    made_at_s: int


class StoredPassage(NamedTuple):
    """A passage with its number and its label."""

    number: int
    passage: Passage
    label: str | None


class DoorStore(AbstractContextManager["DoorStore"]):
    """The passages, their labels and the measured thresholds. Every write is on the disk when it returns."""

    def __init__(self, state_dir: Path) -> None:
        """Open the store in ``state_dir``, or create it; raises StoreError."""
        self.path = state_dir / FILE_NAME
        make_private(state_dir)
        with exclusively(state_dir), _meaning(self.path):
            self._db = connect(str(_private(self.path)))
            try:
                _require_ours(self._db, self.path)
                configure(self._db)
                if len(applied(self._db)) < len(NAMES):
                    _bring_up_to_date(self._db)
            except BaseException:
                self._db.close()
                raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Empty the write-ahead log into the file and close it."""
        with suppress(sqlite3.DatabaseError):  # committed data stay in the log, and are read from there
            self._truncate_log()
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit everything inside together, or nothing; raises StoreWriteError, StoreDamagedError."""
        with _meaning(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.DatabaseError):
                    self._db.execute("ROLLBACK")
                raise

    def add(self, passage: Passage) -> int:
        """Write a passage; return its number, which no other passage ever gets."""
        with self._transaction():
            added = self._db.execute(
                f"INSERT INTO passage ({COLUMNS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608
                msgspec.structs.astuple(passage),
            )
        return added.lastrowid or 0

    def delete(self, number: int) -> None:
        """Delete a passage with its label."""
        with self._transaction():
            self._db.execute("DELETE FROM label WHERE passage_id = ?", (number,))
            self._db.execute("DELETE FROM passage WHERE id = ?", (number,))
        self._truncate_log()

    def label(self, number: int, text: str) -> None:
        """Label a passage, in place of any label."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO label SELECT id, ? FROM passage WHERE id = ?", (text, number))
        self._truncate_log()

    def passages(self, since: date | None = None, until: date | None = None) -> list[StoredPassage]:
        """Return the passages of these days of the door's own time, the last one included, in order."""
        first, last = _minutes(since, until)
        with _meaning(self.path):
            rows = self._db.execute(
                f"SELECT id, {COLUMNS}, text FROM passage LEFT JOIN label ON passage_id = id"  # noqa: S608
                " WHERE minute + utc_offset_min BETWEEN ? AND ? ORDER BY minute + utc_offset_min, id",
                (first, last),
            )
            return [_stored(row) for row in rows]

    def counts(self, day: date) -> DoorCounts:
        """Return the people of one day of the door's own time."""
        first, last = _minutes(day, day)
        with _meaning(self.path):
            rows = self._db.execute(
                "SELECT direction, protocol IS NOT NULL, count(*) FROM passage"
                " WHERE minute + utc_offset_min BETWEEN ? AND ? GROUP BY 1, 2",
                (first, last),
            ).fetchall()
        found = {f"{direction}_{'with' if device else 'without'}": count for direction, device, count in rows}
        return DoorCounts(**found)

    def keep_threshold(self, measured: MeasuredThreshold) -> None:
        """Write a measured threshold; it applies from now on."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO threshold (radio, threshold_dbm, near_dbm, away_dbm, made_at_s) VALUES (?, ?, ?, ?, ?)",
                msgspec.structs.astuple(measured),
            )

    def threshold(self, radio: str) -> MeasuredThreshold | None:
        """Return the newest threshold that was measured with ``radio``."""
        row = self._db.execute(
            "SELECT radio, threshold_dbm, near_dbm, away_dbm, made_at_s FROM threshold WHERE radio = ?"
            " ORDER BY id DESC LIMIT 1",
            (radio,),
        ).fetchone()
        return None if row is None else MeasuredThreshold(*row)

    def expire(self, now_s: float, *, retention_days: int, label_days: int) -> int:
        """Delete old passages and labels, and every copy of them in the files; return how many there were.

        ``label_days`` of 0 deletes all labels. Call it only with trusted time.
        """
        with self._transaction():
            gone = self._delete_labels("minute < ?", (_limit(now_s, label_days) if label_days else NEVER,))
            gone += self._delete_passages("minute < ?", (_limit(now_s, retention_days),))
        if gone:
            self._truncate_log()
        return gone

    def forget(self, *, labels_only: bool) -> int:
        """Delete all labels, or all passages and thresholds with them; return how many passages or labels."""
        with self._transaction():
            gone = self._delete_labels("TRUE", ())
            if not labels_only:
                gone = self._delete_passages("TRUE", ())
                self._db.execute("DELETE FROM threshold")
        self._truncate_log()
        return gone

    def _delete_labels(self, where: str, values: tuple[int, ...]) -> int:
        statement = f"DELETE FROM label WHERE passage_id IN (SELECT id FROM passage WHERE {where})"  # noqa: S608
        return self._db.execute(statement, values).rowcount

    def _delete_passages(self, where: str, values: tuple[int, ...]) -> int:
        self._delete_labels(where, values)
        return self._db.execute(f"DELETE FROM passage WHERE {where}", values).rowcount  # noqa: S608

    def _truncate_log(self) -> None:
        """Empty the log into the file, unless a reader prevents it: then a later call does."""
        with _meaning(self.path):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def open_or_begin(state_dir: Path) -> DoorStore:
    """Open the store; quarantine a damaged one, or a later version's, and begin a new one. Raises StoreError."""
    try:
        return DoorStore(state_dir)
    except StoreDamagedError:
        path = state_dir / FILE_NAME
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        for suffix in ("", *LOG_NAMES):
            found = path.with_name(path.name + suffix)
            if found.exists():
                found.rename(path.with_name(f"{QUARANTINED}door-{stamp}.db{suffix}"))
        return DoorStore(state_dir)


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    from bluezone_agent.door.migrate import migrate  # noqa: PLC0415 - 60 ms that a store of today does not need

    migrate(db)


def _private(path: Path) -> Path:
    path.touch(mode=0o600)
    return path


def _require_ours(db: sqlite3.Connection, path: Path) -> None:
    found = db.execute("PRAGMA application_id").fetchone()[0]
    if found != APPLICATION_ID and db.execute("PRAGMA schema_version").fetchone()[0]:
        raise StoreError(
            N_("{path} is the SQLite file of another program"),
            N_("move it away, or choose another folder: --state-dir DIR; nothing in it was changed"),
            path=path,
        )
    later = [name for name in applied(db) if name not in NAMES]
    if later or db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise StoreDamagedError(
            N_("the count of the door in {path} is damaged, or a newer version's"),
            N_('"bluezone-agent gate" quarantines it when it opens the door, and starts a new one'),
            path=path,
        )


@contextmanager
def _meaning(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise store_error(path, error) from error


def _minutes(since: date | None, until: date | None) -> tuple[int, int]:
    """Return the first and the last minute of these days, by the door's own time."""
    epoch = date(1970, 1, 1)
    first = (since - epoch).days * DAY_MINUTES if since else -NEVER
    last = ((until - epoch).days + 1) * DAY_MINUTES - 1 if until else NEVER
    return first, last


def _limit(now_s: float, days: int) -> int:
    return int(now_s // MINUTE_S) - days * DAY_MINUTES


def _stored(row: sqlite3.Row) -> StoredPassage:
    number, minute, offset_min, direction, protocol, trusted, label = row
    passage = Passage(
        minute=minute,
        utc_offset_min=offset_min,
        direction=Direction(direction),
        protocol=protocol,
        clock_trusted=bool(trusted),
    )
    return StoredPassage(number, passage, label)
