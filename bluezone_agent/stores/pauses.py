"""The pause that the owner asked for."""

from __future__ import annotations

import sqlite3

from bluezone_agent.core.pauses import Mode, Pause


class Pauses:
    """One at a time; it stays until another one replaces it or it is found to be over."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def current(self) -> Pause | None:
        """Return the pause that was requested last, which may be over."""
        row = self._db.execute(
            "SELECT mode, lasts_s, boot_id, ends_up_s, ends_at_s, clock_trusted FROM pause"
        ).fetchone()
        if row is None:
            return None
        mode, lasts_s, boot_id, ends_up_s, ends_at_s, clock_trusted = row
        return Pause(Mode(mode), lasts_s, boot_id, ends_up_s, ends_at_s, bool(clock_trusted))

    def shown(self, now_s: float) -> Pause | None:
        """Return the pause that is not over at ``now_s`` by wall time: exact enough for people."""
        pause = self.current()
        return pause if pause is not None and now_s < pause.ends_at_s else None

    def set(self, pause: Pause) -> None:
        """Write a pause in place of any other."""
        self._db.execute(
            "INSERT OR REPLACE INTO pause VALUES (1, ?, ?, ?, ?, ?, ?)",
            (pause.mode, pause.lasts_s, pause.boot_id, pause.ends_up_s, pause.ends_at_s, pause.clock_trusted),
        )

    def end(self, pause: Pause | None = None) -> None:
        """Delete ``pause`` if it is still the current one; without an argument delete any."""
        if pause is None or self.current() == pause:
            self._db.execute("DELETE FROM pause")
