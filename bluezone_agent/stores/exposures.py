"""The minutes that matched, and the warnings given."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable

import msgspec

from bluezone_agent.core.attenuation import CoPresence, ReceivedMinute
from bluezone_agent.core.exposure import DayExposure
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.sightings import pack_histogram, unpack_histogram


class Matched(msgspec.Struct, frozen=True):
    """A published key that was heard."""

    key_digest: str
    """SHA-256 of the key, hex."""
    protocol: str
    report_type: ReportType
    days_since_onset: int | None
    found_at_s: int
    minutes: tuple[ReceivedMinute, ...]


class Warned(msgspec.Struct, frozen=True):
    """A warning that the owner was given."""

    day_start_s: int
    degree: str
    rule: str
    rule_version: int
    near_minutes: float
    warned_at_s: int


class Exposures:
    """What checks found."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, matched: Matched) -> None:
        """Write a matched key; minutes that are known already stay as they are.

        A contact's key that comes again as a case's becomes that; a revoked key stays revoked.
        """
        self._db.execute(
            """
            INSERT INTO exposure (key_digest, protocol, report_type, days_since_onset, found_at_s)
            VALUES (?, ?, ?, ?, ?) ON CONFLICT (key_digest) DO UPDATE SET report_type = excluded.report_type,
                days_since_onset = excluded.days_since_onset
                WHERE report_type = ?
            """,
            (
                matched.key_digest,
                matched.protocol,
                matched.report_type,
                matched.days_since_onset,
                matched.found_at_s,
                ReportType.RECURSIVE,
            ),
        )
        exposure_id, report_type = self._db.execute(
            "SELECT id, report_type FROM exposure WHERE key_digest = ?", (matched.key_digest,)
        ).fetchone()
        if report_type == ReportType.REVOKED:
            return
        self._db.executemany(
            "INSERT INTO exposure_minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(exposure_id, *_row(m)) for m in matched.minutes],
        )

    def revoke(self, key_digest: str, protocol: str, now_s: float) -> None:
        """Forget what was found of a key, and remember that it never matches again."""
        self._db.execute(
            """
            INSERT INTO exposure (key_digest, protocol, report_type, found_at_s) VALUES (?, ?, ?, ?)
            ON CONFLICT (key_digest) DO UPDATE SET report_type = excluded.report_type
            """,
            (key_digest, protocol, ReportType.REVOKED, int(now_s)),
        )
        self._db.execute(
            "DELETE FROM exposure_minute WHERE exposure_id = (SELECT id FROM exposure WHERE key_digest = ?)",
            (key_digest,),
        )

    def matched(self, since_s: float = 0, until_s: float = math.inf) -> list[Matched]:
        """Return every matched key with its minutes between two times, in the order in which they were found."""
        minutes: dict[int, list[ReceivedMinute]] = {}
        for row in self._db.execute(
            "SELECT * FROM exposure_minute WHERE minute >= ? AND minute < ? ORDER BY exposure_id, minute",
            (since_s / MINUTE_S, until_s / MINUTE_S),
        ):
            minutes.setdefault(row["exposure_id"], []).append(_received_minute(row))
        return [
            Matched(
                row["key_digest"],
                row["protocol"],
                ReportType(row["report_type"]),
                row["days_since_onset"],
                row["found_at_s"],
                tuple(minutes.get(row["id"], ())),
            )
            for row in self._db.execute(
                "SELECT * FROM exposure WHERE report_type != ? ORDER BY id", (ReportType.REVOKED,)
            )
        ]

    def warned(self) -> list[Warned]:
        """Return the warnings given, oldest day first."""
        return [Warned(*row) for row in self._db.execute("SELECT * FROM warning ORDER BY day_start_s, degree")]

    def add_warnings(self, days: Iterable[DayExposure], now_s: float) -> list[DayExposure]:
        """Write the warnings among ``days`` that are new, and return them."""
        return [
            day
            for day in days
            if day.warns
            and self._db.execute(
                "INSERT INTO warning VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (day.day_start_s, day.degree, day.rule, day.rule_version, day.near_minutes, int(now_s)),
            ).rowcount
        ]

    def delete_before(self, unix_s: float) -> None:
        """Delete what was found of the time before ``unix_s``."""
        self._db.execute("DELETE FROM exposure_minute WHERE minute < ?", (int(unix_s // MINUTE_S),))
        self._db.execute(
            "DELETE FROM exposure WHERE id NOT IN (SELECT exposure_id FROM exposure_minute)"
            " AND (report_type != ? OR found_at_s < ?)",
            (ReportType.REVOKED, int(unix_s)),
        )
        self._db.execute("DELETE FROM warning WHERE day_start_s < ?", (int(unix_s),))


def _row(m: ReceivedMinute) -> tuple[object, ...]:
    c = m.co_presence
    histogram = pack_histogram(dict(m.histogram))
    return m.minute, round(m.attenuation_db, 2), m.count, histogram, c.received, c.stronger, c.weaker_by_db, m.protected


def _received_minute(row: sqlite3.Row) -> ReceivedMinute:
    _, minute, attenuation_db, count, histogram, *others, protected = row
    co_presence = CoPresence(*others)
    return ReceivedMinute(minute, attenuation_db, count, unpack_histogram(histogram), co_presence, bool(protected))
