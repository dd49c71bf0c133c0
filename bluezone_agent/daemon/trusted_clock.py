"""Time as the agent believes it: the device's clock judged by the clock policy (core.trusted_time, docs/clock.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bluezone_agent.core.clock_state import Belief, Doubt, Reading
from bluezone_agent.ports import Clock
from bluezone_agent.stores.store import Store

KEPT_EVERY_S: Final = 600.0
"""How old the high-water mark on the disk may be: a kill costs so much of it, and a write a minute costs a card."""


@dataclass(frozen=True, slots=True)
class Now:
    """The clocks at one moment, and what is believed of them."""

    wall_s: float
    uptime_s: float
    boot_id: str
    doubt: Doubt | None
    settled: bool
    """Whether data may be deleted for being old by this time."""

    @property
    def trusted(self) -> bool:
        """Whether wall time is believed."""
        return self.doubt is None

    @property
    def booted_at_s(self) -> float:
        """Wall time at uptime 0."""
        return self.wall_s - self.uptime_s


class Timekeeper:
    """Follows one device's clock. What it has to know after a restart goes to the store with whatever is written."""

    def __init__(self, clock: Clock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._belief = store.courses.belief()
        self._kept = self._belief
        self._kept_up_s = -KEPT_EVERY_S

    def look(self) -> Now:
        """Read the clocks and judge them."""
        clock = self._clock
        reading = Reading(clock.now_s(), clock.uptime_s(), clock.boot_id, clock.synchronised())
        self._belief = self._belief.after(reading)
        if self._is_due(reading.uptime_s):
            kept = self._kept = self._belief
            self._kept_up_s = reading.uptime_s
            self._store.later(lambda: self._store.courses.keep(kept))
        return Now(reading.wall_s, reading.uptime_s, reading.boot_id, self._belief.doubt, self._belief.settled)

    def _is_due(self, uptime_s: float) -> bool:
        if self._belief.course is None:
            return False
        return uptime_s >= self._kept_up_s + KEPT_EVERY_S or _lines(self._belief) != _lines(self._kept)


def _lines(belief: Belief) -> list[tuple[str, float] | None]:
    """Return what changes only when a course begins, ends or goes over into another boot."""
    courses = (belief.course, belief.rival)
    return [None if course is None else (course.boot_id, course.booted_at_s) for course in courses]
