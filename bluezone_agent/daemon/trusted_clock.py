"""Time as the agent trusts it: the device's clock, judged by the clock policy (core.clock_state, docs/clock.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bluezone_agent.core.clock_state import ClockReading, ClockState, DistrustReason
from bluezone_agent.ports import Clock
from bluezone_agent.stores.store import Store

KEPT_EVERY_S: Final = 600.0
"""How old the stored high-water mark may be: a kill loses this much of it, and a write per minute would wear out a
card."""


@dataclass(frozen=True, slots=True)
class Now:
    """The clocks at one moment, and how far they are trusted."""

    wall_s: float
    uptime_s: float
    boot_id: str
    distrust_reason: DistrustReason | None
    stable: bool
    """Whether data may be deleted because of its age by this time."""

    @property
    def trusted(self) -> bool:
        """Whether wall time is trusted."""
        return self.distrust_reason is None

    @property
    def booted_at_s(self) -> float:
        """Wall time at uptime 0."""
        return self.wall_s - self.uptime_s


def read_clock(clock: Clock) -> ClockReading:
    """Return what ``clock`` says now; a `ClockState` decides whether it is trusted."""
    return ClockReading(clock.now_s(), clock.uptime_s(), clock.boot_id, clock.synchronised())


def glance(clock: Clock, store: Store) -> Now:
    """Judge the clocks by what is stored, and store nothing: for whoever looks at another's clock now and then."""
    reading = read_clock(clock)
    return _judged(reading, store.timelines.clock_state().after(reading))


def _judged(reading: ClockReading, state: ClockState) -> Now:
    return Now(reading.wall_s, reading.uptime_s, reading.boot_id, state.distrust_reason, state.stable)


class TrustedClock:
    """Follows one device's clock. What it needs after a restart is stored with the next write."""

    def __init__(self, clock: Clock, store: Store, when_trusted: Callable[[Now], None] | None = None) -> None:
        """``when_trusted`` is called whenever time becomes trusted."""
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
        now = _judged(reading, self._clock_state)
        if self._when_trusted and now.trusted and not self._trusted:
            self._when_trusted(now)
        self._trusted = now.trusted
        return now

    def _is_due(self, uptime_s: float) -> bool:
        if self._clock_state.timeline is None:
            return False
        return uptime_s >= self._kept_up_s + KEPT_EVERY_S or _lines(self._clock_state) != _lines(self._kept)


def _lines(clock_state: ClockState) -> list[tuple[str, float] | None]:
    """Return the values that change only when a timeline begins, ends or continues in another boot."""
    timelines = (clock_state.timeline, clock_state.candidate)
    return [None if timeline is None else (timeline.boot_id, timeline.booted_at_s) for timeline in timelines]
