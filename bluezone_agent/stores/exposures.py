"""What was received of published keys, who published them, and the warnings given.

Only facts are stored: every minute in which a published key was received, and each publication of it. What counts is
decided on reading, so it does not depend on the order in which files arrived. See :func:`counting`.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from bluezone_agent.core.attenuation import CoPresence, ReceivedMinute
from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.core.exposure import DayExposure
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import DAY_S, MINUTE_S, minute_at
from bluezone_agent.core.sightings import pack_histogram, unpack_histogram

UNKNOWN_SIGNER: Final = ""
"""For results of versions that did not keep who had published a key."""
SUREST_FIRST: Final = (
    ReportType.CONFIRMED_TEST,
    ReportType.CONFIRMED_CLINICAL_DIAGNOSIS,
    ReportType.SELF_REPORT,
    ReportType.UNKNOWN,
    ReportType.RECURSIVE,
)
"""Which of several report types of a key applies."""


class KeyPublication(msgspec.Struct, frozen=True):
    """The fact that somebody published a key."""

    signer: str
    """The publisher: the fingerprint of the pinned key that signed the file, or ``unsigned`` and the source's name."""
    report_type: ReportType
    """REVOKED if it was published by mistake, as its signer says now."""
    days_since_onset: int | None
    published_at_s: int | None
    """As stated by the signer's earliest file that has it; None if no file states it."""
    verified_at_s: int
    """When the first such file was verified on this device, by trusted time."""


class KeyMatch(msgspec.Struct, frozen=True):
    """A published key that was received, with one file's statement on it."""

    key_digest: str
    """SHA-256 of the key, hex."""
    protocol: str
    publication: KeyPublication
    minutes: tuple[ReceivedMinute, ...]
    """All minutes within its identifiers' time, including those after its publication."""


class Matched(msgspec.Struct, frozen=True):
    """A published key that was received, with the minutes that count."""

    key_digest: str
    protocol: str
    report_type: ReportType
    days_since_onset: int | None
    found_at_s: int
    minutes: tuple[ReceivedMinute, ...]


class Warned(msgspec.Struct, frozen=True):
    """A warning that the owner was given."""

    day: date
    degree: str
    rule: str
    rule_version: int
    near_minutes: float
    warned_at_s: int


def counting(publications: Sequence[KeyPublication]) -> tuple[KeyPublication, int] | None:
    """Return the applicable publication and until when, Unix seconds, sightings of its key count; None if none applies.

    After its publication anybody can transmit a key's identifiers. Among one signer's publications the earliest stated
    date counts. Another signer's date proves nothing: a signer that backdates a file would delete the exposures that
    others published. But from the moment at which this device verified the first file with the key, whoever signed it,
    nothing counts. A revocation counts for its own signer's publications only; if its signer was not kept, for all.
    """
    valid = [p for p in publications if p.report_type is not ReportType.REVOKED]
    if not valid or any(p.signer == UNKNOWN_SIGNER and p not in valid for p in publications):
        return None
    verified_at_s = min(p.verified_at_s for p in publications)
    stated_s = max(p.verified_at_s if p.published_at_s is None else p.published_at_s for p in valid)
    surest = min(valid, key=lambda p: (SUREST_FIRST.index(p.report_type), p.days_since_onset is None, p.signer))
    return surest, min(verified_at_s, stated_s)


class Exposures:
    """The results of checks."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, received: KeyMatch) -> None:
        """Write one file's statement on a received key; repeating it changes nothing."""
        p = received.publication
        self._db.execute(
            "INSERT INTO exposure (key_digest, protocol, found_at_s) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (received.key_digest, received.protocol, p.verified_at_s),
        )
        (exposure_id,) = self._db.execute(
            "SELECT id FROM exposure WHERE key_digest = ?", (received.key_digest,)
        ).fetchone()
        self._publish(exposure_id, self._after(exposure_id, p))
        if counting(self._publications(exposure_id)) is None:  # published by mistake: nothing of it is kept
            self._db.execute("DELETE FROM exposure_minute WHERE exposure_id = ?", (exposure_id,))
            return
        self._db.executemany(
            "INSERT INTO exposure_minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " (attenuation_db, count, histogram, others, stronger, weaker_by_db, protected) = (excluded.attenuation_db,"
            " excluded.count, excluded.histogram, excluded.others, excluded.stronger, excluded.weaker_by_db,"
            " excluded.protected) WHERE excluded.count > count",
            [(exposure_id, *_row(m)) for m in received.minutes],
        )

    def _after(self, exposure_id: int, p: KeyPublication) -> KeyPublication:
        """Return the signer's publication after the file that states ``p``.

        It replaces a publication of unknown signer, who is then known: the file has been read again.
        """
        known = {k.signer: k for k in self._publications(exposure_id)}
        before = known.get(p.signer)
        if before is None and UNKNOWN_SIGNER in known and p.signer != UNKNOWN_SIGNER:
            old = known[UNKNOWN_SIGNER]
            if old.report_type is not ReportType.REVOKED or p.report_type is ReportType.REVOKED:
                self._db.execute(
                    "DELETE FROM publication WHERE exposure_id = ? AND signer = ?", (exposure_id, UNKNOWN_SIGNER)
                )
            return msgspec.structs.replace(p, verified_at_s=min(old.verified_at_s, p.verified_at_s))
        return p if before is None else _joined(before, p)

    def _publish(self, exposure_id: int, p: KeyPublication) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO publication VALUES (?, ?, ?, ?, ?, ?)",
            (exposure_id, p.signer, p.report_type, p.days_since_onset, p.published_at_s, p.verified_at_s),
        )

    def _publications(self, exposure_id: int) -> list[KeyPublication]:
        rows = self._db.execute(
            "SELECT signer, report_type, days_since_onset, published_at_s, verified_at_s FROM publication"
            " WHERE exposure_id = ?",
            (exposure_id,),
        )
        return [_publication(row) for row in rows]

    def matched(self, since_s: float = 0, until_s: float = math.inf) -> list[Matched]:
        """Return every received key with what counts of it between two times, in the order in which they were found."""
        publications: dict[int, list[KeyPublication]] = {}
        for exposure_id, *row in self._db.execute("SELECT * FROM publication ORDER BY exposure_id, signer"):
            publications.setdefault(exposure_id, []).append(_publication(row))
        minutes: dict[int, list[ReceivedMinute]] = {}
        for row in self._db.execute(
            "SELECT * FROM exposure_minute WHERE minute >= ? AND minute < ? ORDER BY exposure_id, minute",
            (since_s / MINUTE_S, until_s / MINUTE_S),
        ):
            minutes.setdefault(row["exposure_id"], []).append(_received_minute(row))
        matched: list[Matched] = []
        for exposure_id, digest, protocol, found_at_s in self._db.execute("SELECT * FROM exposure ORDER BY id"):
            holds = counting(publications.get(exposure_id, ()))
            if holds is None:
                continue
            publication, counts_until_s = holds
            counted = tuple(m for m in minutes.get(exposure_id, ()) if m.minute < minute_at(counts_until_s))
            if counted:
                matched.append(
                    Matched(
                        digest, protocol, publication.report_type, publication.days_since_onset, found_at_s, counted
                    )
                )
        return matched

    def warned(self, since: date = date.min) -> list[Warned]:
        """Return the warnings given for days from ``since`` on, oldest day first."""
        rows = self._db.execute("SELECT * FROM warning WHERE day >= ? ORDER BY day, degree", (since.isoformat(),))
        return [Warned(date.fromisoformat(day), *row) for day, *row in rows]

    def add_warnings(self, days: Iterable[DayExposure], now_s: float) -> list[DayExposure]:
        """Write the warnings among ``days`` that are new, and return them."""
        return [
            day
            for day in days
            if day.warns
            and self._db.execute(
                "INSERT INTO warning VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (day.day.isoformat(), day.degree, day.rule, day.rule_version, day.near_minutes, int(now_s)),
            ).rowcount
        ]

    def delete_before(self, unix_s: float) -> None:
        """Delete results from before ``unix_s``; warnings a day later, because time zones differ."""
        self._db.execute("DELETE FROM exposure_minute WHERE minute < ?", (int(unix_s // MINUTE_S),))
        self._db.execute(
            "DELETE FROM publication WHERE exposure_id NOT IN (SELECT exposure_id FROM exposure_minute)"
            " AND verified_at_s < ?",
            (int(unix_s),),
        )
        self._db.execute("DELETE FROM exposure WHERE id NOT IN (SELECT exposure_id FROM publication)")
        oldest = UTC_CALENDAR.day(unix_s - DAY_S)
        self._db.execute("DELETE FROM warning WHERE day < ?", (oldest.isoformat(),))


def _joined(before: KeyPublication, after: KeyPublication) -> KeyPublication:
    """Return the combined statement of two files of one signer, in whatever order they arrived."""
    both = before, after
    revoked = any(p.report_type is ReportType.REVOKED for p in both)
    report_type = ReportType.REVOKED if revoked else min((p.report_type for p in both), key=SUREST_FIRST.index)
    onsets = [p.days_since_onset for p in both if p.report_type is report_type and p.days_since_onset is not None]
    return KeyPublication(
        before.signer,
        report_type,
        min(onsets, default=None),
        min((p.published_at_s for p in both if p.published_at_s is not None), default=None),
        min(p.verified_at_s for p in both),
    )


def _publication(row: Sequence[Any]) -> KeyPublication:
    signer, report_type, *others = row
    return KeyPublication(signer, ReportType(report_type), *others)


def _row(m: ReceivedMinute) -> tuple[object, ...]:
    c = m.co_presence
    histogram = pack_histogram(dict(m.histogram))
    return m.minute, round(m.attenuation_db, 2), m.count, histogram, c.received, c.stronger, c.weaker_by_db, m.protected


def _received_minute(row: sqlite3.Row) -> ReceivedMinute:
    _, minute, attenuation_db, count, histogram, *others, protected = row
    co_presence = CoPresence(*others)
    return ReceivedMinute(minute, attenuation_db, count, unpack_histogram(histogram), co_presence, bool(protected))
