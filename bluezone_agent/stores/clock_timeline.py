"""The clock timelines that are followed, across restarts and reboots."""

from __future__ import annotations

import sqlite3
from typing import Final

from msgspec.structs import astuple

from bluezone_agent.core.clock_state import ClockState, ClockTimeline

ACCEPTED: Final = "accepted"
CANDIDATE: Final = "candidate"
KEEP: Final = """
    INSERT INTO clock_timeline VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET boot_id = excluded.boot_id,
    booted_at_s = excluded.booted_at_s, uptime_s = excluded.uptime_s, high_water_s = excluded.high_water_s,
    steady_s = excluded.steady_s"""
"""No REPLACE, which would also write a page of the index every ten minutes."""


class ClockTimelines:
    """What `core.clock_state` has to know of the past."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def clock_state(self) -> ClockState:
        """Return the clock state of the last write; only a reading of the clock shows whether it still holds."""
        rows = self._db.execute(
            "SELECT name, boot_id, booted_at_s, uptime_s, high_water_s, steady_s FROM clock_timeline"
        )
        timelines = {name: ClockTimeline(*timeline) for name, *timeline in rows}
        return ClockState(timelines.get(ACCEPTED), timelines.get(CANDIDATE))

    def keep(self, clock_state: ClockState) -> None:
        """Write the present clock state."""
        for name, timeline in ((ACCEPTED, clock_state.timeline), (CANDIDATE, clock_state.candidate)):
            if timeline is None:
                self._db.execute("DELETE FROM clock_timeline WHERE name = ?", (name,))
            else:
                self._db.execute(KEEP, (name, *astuple(timeline)))
