"""When this device scanned, how, and why not: it distinguishes "no device was near" from "no scan"."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.listening import Span, joined
from bluezone_agent.errors import RadioFault

SPANS: Final = """
    SELECT id, starts_at_s, scan_mode, reason,
        CASE WHEN id = (SELECT max(id) FROM listening)
        THEN max(ends_at_s, coalesce((SELECT at_s FROM journal WHERE kind = 'committed'), 0))
        ELSE ends_at_s END AS ends_at_s
    FROM listening
"""
"""The open span lasts until the newest commit: it is written only now and then, to spare the card."""


class ListeningSpans:
    """Spans of 14 days, in the order in which they began. The newest one is open: it grows."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def begin(self, at_s: float, scan_mode: str, reason: str = "", *, utc_offset_s: int | None = None) -> None:
        """End the open span at ``at_s``, which may be some time ago, and open another."""
        self._db.execute(
            "UPDATE listening SET ends_at_s = max(starts_at_s, ?) WHERE id = (SELECT max(id) FROM listening)",
            (int(at_s),),
        )
        self.resume(at_s, scan_mode, reason, utc_offset_s=utc_offset_s)

    def resume(self, at_s: float, scan_mode: str, reason: str = "", *, utc_offset_s: int | None = None) -> None:
        """Open a span and leave the one before unchanged: nothing is known of the time since."""
        self._db.execute(
            "INSERT INTO listening (starts_at_s, ends_at_s, scan_mode, reason, utc_offset_s) VALUES (?, ?, ?, ?, ?)",
            (int(at_s), int(at_s), scan_mode, reason, utc_offset_s),
        )

    def extend(self, at_s: float) -> None:
        """Let the open span last until ``at_s``; a clock that went back changes nothing."""
        self._db.execute(
            "UPDATE listening SET ends_at_s = max(ends_at_s, ?) WHERE id = (SELECT max(id) FROM listening)",
            (int(at_s),),
        )

    def restart(self, at_s: float) -> None:
        """Leave the open span unchanged and open one like it: the clock was set, and there is no gap between them."""
        self._db.execute(
            "INSERT INTO listening (starts_at_s, ends_at_s, scan_mode, reason, utc_offset_s)"
            " SELECT ?, ?, scan_mode, reason, utc_offset_s FROM listening ORDER BY id DESC LIMIT 1",
            (int(at_s), int(at_s)),
        )

    def keep_offset(self, at_s: float, utc_offset_s: int) -> None:
        """Open a span like the open one if the owner's clock is ahead of UTC by another offset than in that one."""
        row = self._db.execute("SELECT id, utc_offset_s FROM listening ORDER BY id DESC LIMIT 1").fetchone()
        if row is None or row[1] == utc_offset_s:
            return
        if row[1] is not None:
            self.extend(at_s)
            self.restart(at_s)
        self._db.execute(
            "UPDATE listening SET utc_offset_s = ? WHERE id = (SELECT max(id) FROM listening)", (utc_offset_s,)
        )

    def calendar(self, fallback: Callable[[float], int]) -> Calendar:
        """Return the owner's days; ``fallback`` is the zone's offset where none was kept (see `Calendar`)."""
        return Calendar(
            self._db.execute(
                "SELECT starts_at_s, utc_offset_s FROM listening WHERE utc_offset_s NOT NULL ORDER BY starts_at_s, id"
            ),
            fallback,
        )

    def since(self, unix_s: float) -> list[Span]:
        """Return the spans that last beyond ``unix_s``, oldest first, cut there; empty ones are left out."""
        rows = self._db.execute(
            "SELECT max(starts_at_s, ?), ends_at_s, scan_mode, reason"  # noqa: S608 - a constant
            f" FROM ({SPANS}) WHERE ends_at_s > ? AND ends_at_s > starts_at_s ORDER BY id",
            (int(unix_s), int(unix_s)),
        )
        return joined(Span(*row) for row in rows)

    def last_well_s(self) -> int | None:
        """Return until when this device last scanned, or was paused, Unix seconds; None for never."""
        row = self._db.execute(
            "SELECT ends_at_s"  # noqa: S608 - a constant
            f" FROM ({SPANS}) WHERE scan_mode <> '' OR reason = ? ORDER BY id DESC LIMIT 1",
            (RadioFault.PAUSED,),
        ).fetchone()
        return None if row is None else int(row[0])

    def delete_before(self, unix_s: float) -> int:
        """Delete spans that ended before ``unix_s``; return how many."""
        return self._db.execute("DELETE FROM listening WHERE ends_at_s < ?", (int(unix_s),)).rowcount
