"""Time as the agent believes it: the device's clock judged by the clock policy (core.clock_state, docs/clock.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bluezone_agent.core.clock_state import ClockReading, ClockState, DistrustReason
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
    distrust_reason: DistrustReason | None
    stable: bool
    """Whether data may be deleted for being old by this time."""

    @property
    def trusted(self) -> bool:
        """Whether wall time is believed."""
        return self.distrust_reason is None

    @property
    def booted_at_s(self) -> float:
        """Wall time at uptime 0."""
        return self.wall_s - self.uptime_s


def read_clock(clock: Clock) -> ClockReading:
    """Return what ``clock`` says now; whether it is believed is for a `ClockState`."""
    return ClockReading(clock.now_s(), clock.uptime_s(), clock.boot_id, clock.synchronised())


class TrustedClock:
    """Follows one device's clock. What it has to know after a restart goes to the store with whatever is written."""

    def __init__(self, clock: Clock, store: Store, when_trusted: Callable[[Now], None] | None = None) -> None:
        """``when_trusted`` is called whenever time comes to be trusted."""
        self._when_trusted = when_trusted
        self._trusted = False
        self._clock = clock
        self._store = store
        self._clock_state = store.timelines.clock_state()
        self._kept = self._clock_state
        self._kept_up_s = -KEPT_EVERY_S

    def look(self) -> Now:
        """Read the clocks and judge them."""
        reading = read_clock(self._clock)
        self._clock_state = self._clock_state.after(reading)
        if self._is_due(reading.uptime_s):
            self._kept = self._clock_state
            self._kept_up_s = reading.uptime_s
            self._store.enqueue(self._kept)
        now = Now(
            reading.wall_s,
            reading.uptime_s,
            reading.boot_id,
            self._clock_state.distrust_reason,
            self._clock_state.stable,
        )
        if self._when_trusted and now.trusted and not self._trusted:
            self._when_trusted(now)
        self._trusted = now.trusted
        return now

    def _is_due(self, uptime_s: float) -> bool:
        if self._clock_state.timeline is None:
            return False
        return uptime_s >= self._kept_up_s + KEPT_EVERY_S or _lines(self._clock_state) != _lines(self._kept)


def _lines(clock_state: ClockState) -> list[tuple[str, float] | None]:
    """Return what changes only when a course begins, ends or goes over into another boot."""
    timelines = (clock_state.timeline, clock_state.candidate)
    return [None if timeline is None else (timeline.boot_id, timeline.booted_at_s) for timeline in timelines]
