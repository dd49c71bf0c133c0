"""When wall time is trusted: the clock policy, as pure functions.

A small device starts with the time of its last shutdown, is set forward when a time server answers, and may be set to a
wrong time by anybody with access. CLOCK_BOOTTIME can't be set. So a *clock timeline* is followed: within a boot, wall
time has to advance with uptime, and from boot to boot it has to go forward. A reading that breaks the timeline is not
trusted, even if it is synchronised. Only when the new timeline holds for :data:`STABLE_S` does it replace the old one,
so that a wrong state never lasts (docs/clock.md).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from bluezone_agent.core.intervals import DAY_S

TOLERANCE_S: Final = 7200
"""By how much a clock may be off: the tolerance of Exposure Notification between two devices, 12 intervals."""
STABLE_S: Final = 12 * 3600
"""Uptime for which a timeline has to hold before it replaces another, and before anything is deleted by it: a time
server rarely reports a wrong time for so long, and a laptop that runs for 8 hours a day gets there in two days."""
LEAP_S: Final = 4 * DAY_S
"""Longer without power than a long weekend: the time is trusted, but nothing is deleted by it until it is stable."""


class DistrustReason(StrEnum):
    """Why wall time is not trusted."""

    NOT_SYNCHRONISED = "not synchronised since the device started"
    WENT_BACK = "went back"
    JUMPED_AHEAD = "jumped ahead"


class ClockReading(msgspec.Struct, frozen=True):
    """All clocks at one moment."""

    wall_s: float
    """Unix seconds."""
    uptime_s: float
    """CLOCK_BOOTTIME."""
    boot_id: str
    synchronised: bool
    """Whether a time server has set wall time since boot, or the operator vouches for it."""


class ClockTimeline(msgspec.Struct, frozen=True):
    """A clock timeline on which the readings have agreed so far."""

    boot_id: str
    """Boot of the newest reading."""
    booted_at_s: float
    """Wall time at uptime 0 by the first reading of this boot."""
    uptime_s: float
    """Of the newest reading."""
    high_water_s: float
    """The latest wall time that was read; later readings may be up to :data:`TOLERANCE_S` before it."""
    steady_s: float = 0.0
    """Uptime for which it has held since it began or leapt."""

    @classmethod
    def begin(cls, reading: ClockReading) -> ClockTimeline:
        """Return the timeline that begins with ``reading``."""
        booted_at_s = reading.wall_s - reading.uptime_s
        return cls(reading.boot_id, booted_at_s, reading.uptime_s, reading.wall_s)

    def distrust_reason(self, reading: ClockReading) -> DistrustReason | None:
        """Return how ``reading`` breaks the timeline; None when it continues it."""
        if reading.wall_s < self.high_water_s - TOLERANCE_S:
            return DistrustReason.WENT_BACK
        if reading.boot_id != self.boot_id:
            return None
        ahead_s = reading.wall_s - reading.uptime_s - self.booted_at_s
        if ahead_s > TOLERANCE_S:
            return DistrustReason.JUMPED_AHEAD
        return DistrustReason.WENT_BACK if ahead_s < -TOLERANCE_S else None

    def followed(self, reading: ClockReading) -> ClockTimeline:
        """Return the timeline after ``reading``, which continues it."""
        high_water_s = max(self.high_water_s, reading.wall_s)
        if reading.boot_id == self.boot_id:
            steady_s = self.steady_s + max(0.0, reading.uptime_s - self.uptime_s)
            return replace(self, uptime_s=reading.uptime_s, high_water_s=high_water_s, steady_s=steady_s)
        leapt = reading.wall_s > self.high_water_s + LEAP_S
        steady_s = 0.0 if leapt else self.steady_s
        return replace(ClockTimeline.begin(reading), high_water_s=high_water_s, steady_s=steady_s)


class ClockState(msgspec.Struct, frozen=True):
    """Which timeline is trusted, and which candidate contests it."""

    timeline: ClockTimeline | None = None
    candidate: ClockTimeline | None = None
    distrust_reason: DistrustReason | None = DistrustReason.NOT_SYNCHRONISED
    """Why the newest reading is not trusted; None when it is."""

    @property
    def trusted(self) -> bool:
        """Whether wall time is trusted now."""
        return self.distrust_reason is None

    @property
    def stable(self) -> bool:
        """Whether wall time is stable, so that old data may be deleted by it."""
        return self.trusted and self.timeline is not None and self.timeline.steady_s >= STABLE_S

    def after(self, reading: ClockReading) -> ClockState:
        """Return the clock state after ``reading``.

        Synchronisation is needed once per boot: afterwards uptime shows whether wall time advances.
        """
        timeline = self.timeline
        distrust_reason = timeline.distrust_reason(reading) if timeline else None
        followed = timeline is not None and distrust_reason is None and timeline.boot_id == reading.boot_id
        if not reading.synchronised and not followed:
            return replace(self, distrust_reason=distrust_reason or DistrustReason.NOT_SYNCHRONISED)
        if timeline is None:
            return ClockState(ClockTimeline.begin(reading), None, None)
        if distrust_reason is None:
            return ClockState(timeline.followed(reading), None, None)
        candidate = self.candidate
        contests = candidate is not None and candidate.distrust_reason(reading) is None
        candidate = candidate.followed(reading) if candidate is not None and contests else ClockTimeline.begin(reading)
        if candidate.steady_s >= STABLE_S:
            return ClockState(candidate, None, None)
        return ClockState(timeline, candidate, distrust_reason)
