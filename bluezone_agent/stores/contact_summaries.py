"""How much time was spent near others, by closeness, independent of cases."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Final

import msgspec

from bluezone_agent.core.intervals import minute_at
from bluezone_agent.core.person_equivalents import IdentifierCount

CHUNK_MIN: Final = 60
"""Counted at one time: SQLite sorts them in memory, and the agent's unit has 128 MiB."""
HOURS: Final = """
    SELECT minute / 60 * 3600, sum(mean_cdbm >= :close), sum(mean_cdbm < :close AND mean_cdbm >= :middle),
           sum(mean_cdbm < :middle), count(DISTINCT CASE WHEN mean_cdbm >= :close THEN identifier END),
           count(DISTINCT identifier), count(DISTINCT minute),
           count(DISTINCT CASE WHEN mean_cdbm >= :close THEN minute END), max(max_dbm)
    FROM contact_minute JOIN observed_identifier ON observed_identifier.id = identifier_id
    WHERE minute >= :since AND minute < :until GROUP BY minute / 60 ORDER BY 1
"""


class ContactSummary(msgspec.Struct, frozen=True):
    """One hour's minutes summed over identifiers, each minute in the band of its mean power, and its close contacts."""

    starts_at_s: int
    close_minutes: int
    middle_minutes: int
    far_minutes: int
    close_contacts: int
    """Identifiers that were close for at least a minute. A device has four to six per hour."""
    identifiers: int
    minutes: int
    """Minutes in which any device was received."""
    minutes_with_close: int
    """How many of these had a close device."""
    strongest_dbm: int


class ContactSummaries:
    """Reads the closeness of contact minutes."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def others(self, minutes: Collection[int], but: Collection[int]) -> dict[int, list[float]]:
        """Return the mean RSSI of every identifier received in each of ``minutes``, except those with the given ids."""
        received: dict[int, list[float]] = {}
        for minute in minutes:
            rows = self._db.execute(
                "SELECT identifier_id, mean_cdbm / 100.0 FROM contact_minute WHERE minute = ?", (minute,)
            )
            received[minute] = [mean_dbm for identifier_id, mean_dbm in rows if identifier_id not in but]
        return received

    def hours(self, since_s: float, *, close_dbm: float, middle_dbm: float) -> list[ContactSummary]:
        """Return each hour since ``since_s`` in which anything was received, oldest first.

        A minute is close from a mean power of ``close_dbm`` on, and medium from ``middle_dbm`` on.
        """
        limits = {"close": close_dbm * 100, "middle": middle_dbm * 100}
        found, start = list[ContactSummary](), self._next(minute_at(since_s))
        while start is not None:
            until = start // CHUNK_MIN * CHUNK_MIN + CHUNK_MIN
            rows = self._db.execute(HOURS, limits | {"since": start, "until": until})
            found += [ContactSummary(*row) for row in rows]
            start = self._next(until)
        return found

    def _next(self, minute: int) -> int | None:
        """Return the first minute from ``minute`` on in which anything was received."""
        row = self._db.execute("SELECT min(minute) FROM contact_minute WHERE minute >= ?", (minute,)).fetchone()
        found: int | None = row[0]
        return found

    def identifier_counts(self, since_s: float) -> list[IdentifierCount]:
        """Return for each minute since ``since_s`` in which anything was received how many identifiers there were."""
        rows = self._db.execute(
            """
            WITH span AS (
                SELECT identifier_id, min(minute) AS first, max(minute) AS last FROM contact_minute
                WHERE minute >= :since GROUP BY identifier_id
            )
            SELECT minute, count(*), sum(minute = first AND first < last), sum(minute = last AND first < last),
                   sum(first = last)
            FROM contact_minute JOIN span USING (identifier_id) WHERE minute >= :since GROUP BY minute ORDER BY minute
            """,
            {"since": minute_at(since_s)},
        )
        return [IdentifierCount(*row) for row in rows]
