"""What is stored, row by row, for an export: no secret, and others' identifiers only as the caller's pseudonyms."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator

from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.redaction import redacted
from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB, unpack_histogram
from bluezone_agent.core.source_records import unpacked_fault
from bluezone_agent.stores.contacts import JOINED

Values = tuple[object, ...]
Pseudonym = Callable[[object], str]
"""Returns another random text for each value, and the same one for the same value."""
SHOWN_TO_MIN = 5
"""As commands show the times of exposures (``app.exposure_day``)."""


class StoredData:
    """Reads the tables; the caller holds one transaction for all of them."""

    def __init__(self, db: sqlite3.Connection, calendar: Calendar) -> None:
        self._db = db
        self._calendar = calendar

    def contact_minutes(self, pseudonym: Pseudonym) -> Iterator[Values]:
        """Yield what was received of each identifier in each minute; where time is not known, only uptime is given."""
        for row in self._db.execute(f"{JOINED} ORDER BY m.minute, m.identifier_id"):
            start_s = row["minute"] * MINUTE_S
            yield (
                self._calendar.day(start_s) if row["trusted"] else None,
                self._calendar.local(start_s) if row["trusted"] else None,
                None if row["trusted"] else row["uptime_s"],
                pseudonym((row["protocol"], row["identifier"])),
                row["protocol"],
                row["count"],
                row["mean_cdbm"] / 100,
                row["min_dbm"],
                row["max_dbm"],
                _histogram(row["histogram"]),
                bool(row["protected"]),
            )

    def publications(self, pseudonym: Pseudonym) -> Iterator[Values]:
        """Yield who published each received key."""
        for row in self._db.execute(
            "SELECT e.key_digest, p.* FROM publication AS p JOIN exposure AS e ON e.id = exposure_id"
            " ORDER BY exposure_id, signer"
        ):
            yield (
                pseudonym(row["key_digest"]),
                row["signer"],
                row["report_type"],
                row["days_since_onset"],
                self._time(row["published_at_s"]),
                self._time(row["verified_at_s"]),
            )

    def exposed_keys(self, pseudonym: Pseudonym) -> Iterator[tuple[str, Values]]:
        """Yield each received key: its digest, and its row."""
        for digest, protocol, found_at_s in self._db.execute(
            "SELECT key_digest, protocol, found_at_s FROM exposure ORDER BY id"
        ):
            yield digest, (pseudonym(digest), protocol, self._time(found_at_s))

    def exposure_minutes(self, pseudonym: Pseudonym) -> Iterator[Values]:
        """Yield the minutes in which received keys were received, their times rounded down."""
        for row in self._db.execute(
            "SELECT e.key_digest, m.* FROM exposure_minute AS m JOIN exposure AS e ON e.id = exposure_id"
            " ORDER BY exposure_id, minute"
        ):
            shown_s = row["minute"] // SHOWN_TO_MIN * SHOWN_TO_MIN * MINUTE_S
            yield (
                pseudonym(row["key_digest"]),
                self._calendar.day(row["minute"] * MINUTE_S),
                self._calendar.local(shown_s),
                row["attenuation_db"],
                row["count"],
                _histogram(row["histogram"]),
                row["others"],
                row["stronger"],
                row["weaker_by_db"],
                bool(row["protected"]),
            )

    def sources(self) -> Iterator[Values]:
        """Yield the sources, without what they asked to be told at the next check."""
        for row in self._db.execute("SELECT * FROM source ORDER BY name"):
            yield (
                row["name"],
                self._time(row["tried_at_s"]),
                self._time(row["complete_at_s"]),
                bool(row["accepts_unsigned"]),
                self._time(row["issued_at_s"]),
                self._time(row["expires_at_s"]),
                _fault(row["fault"]),
            )

    def key_files(self) -> Iterator[Values]:
        """Yield the files of the sources."""
        for row in self._db.execute("SELECT * FROM key_file ORDER BY id"):
            yield (
                row["source"],
                row["name"],
                self._time(row["tried_at_s"]),
                self._time(row["fetched_at_s"]),
                self._time(row["published_at_s"]),
                row["keys"],
                row["matched"],
                bool(row["final"]),
                _fault(row["fault"]),
            )

    def notices(self) -> Iterator[Values]:
        """Yield the notices."""
        for created_at_s, delivered_at_s, *others in self._db.execute(
            "SELECT created_at_s, delivered_at_s, title, body, attempts FROM notice ORDER BY id"
        ):
            yield (self._time(created_at_s), self._time(delivered_at_s), *others)

    def _time(self, unix_s: float | None) -> object:
        return None if unix_s is None else self._calendar.local(unix_s)


def _histogram(packed: bytes) -> str:
    bins = unpack_histogram(packed)
    return json.dumps({str(bin_ * HISTOGRAM_BIN_DB): count for bin_, count in sorted(bins.items())})


def _fault(text: str) -> str | None:
    fault = unpacked_fault(text)
    return None if fault is None else redacted(str(fault))
