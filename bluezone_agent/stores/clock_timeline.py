"""The courses of time that are followed, over restarts and reboots."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple
from typing import Final

from bluezone_agent.core.clock_state import Belief, Course

BELIEVED: Final = "believed"
RIVAL: Final = "rival"
KEEP: Final = """
    INSERT INTO course VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET boot_id = excluded.boot_id,
    booted_at_s = excluded.booted_at_s, uptime_s = excluded.uptime_s, high_water_s = excluded.high_water_s,
    steady_s = excluded.steady_s"""
"""No REPLACE, which would write a page of the index every ten minutes as well."""


class Courses:
    """What `core.trusted_time` has to know of the past."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def belief(self) -> Belief:
        """Return what was believed last; whether it still is takes a reading of the clock."""
        rows = self._db.execute("SELECT name, boot_id, booted_at_s, uptime_s, high_water_s, steady_s FROM course")
        courses = {name: Course(*course) for name, *course in rows}
        return Belief(courses.get(BELIEVED), courses.get(RIVAL))

    def keep(self, belief: Belief) -> None:
        """Write what is believed now."""
        for name, course in ((BELIEVED, belief.course), (RIVAL, belief.rival)):
            if course is None:
                self._db.execute("DELETE FROM course WHERE name = ?", (name,))
            else:
                self._db.execute(KEEP, (name, *astuple(course)))
