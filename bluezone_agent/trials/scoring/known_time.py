"""When the distance of two devices is known, and when they were near: spans, however long, instead of seconds.

Within a span the distance is known at points a second apart, from its begin on; everything is counted in these points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bluezone_agent.core.intervals import MINUTE_S

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
SECOND_S: Final = 1.0
ROUNDING_S: Final = 1e-6
LEAST_KNOWN: Final = 0.5
"""Share of a window's seconds whose distance must be known for the window to count."""
FIRST_MINUTE: Final = 1440
"""Number of the first minute of a pair's known time: what was received before it has a minute too."""
SAME: Final = 4096
"""Known times that are kept, since many pairs have the same one."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownTime:
    """Spans in which a distance is known, one after the other; there is at least one."""

    begins_s: Floats
    """Ascending; so are all points."""
    steps_s: Floats
    """Between the points of a span: a second, but for rounding."""
    points: Ints
    """Of each span; at least one."""
    near: Bools
    """Whether the devices were near during each span."""

    @classmethod
    def of_points(cls, times_s: Floats, near: Bools) -> KnownTime:
        """Return the known time of single points."""
        return cls(times_s, np.full(len(times_s), SECOND_S), np.ones(len(times_s), dtype=np.int64), near)

    @property
    def first_s(self) -> float:
        """The first point."""
        return float(self.begins_s[0])

    @property
    def last_s(self) -> float:
        """The last point."""
        return float(self._lasts_s()[-1])

    def _lasts_s(self) -> Floats:
        return np.asarray(self.begins_s + (self.points - 1) * self.steps_s, dtype=np.float64)

    def step_s(self) -> float | None:
        """Return the median of the times between neighbouring points; None for a single point."""
        within, between = self.points - 1, self.begins_s[1:] - self._lasts_s()[:-1]
        steps = np.concatenate((self.steps_s[within > 0], between))
        counts = np.concatenate((within[within > 0], np.ones(len(between), dtype=np.int64)))
        return weighted_median(steps, counts) if len(steps) else None

    def near_points(self) -> int:
        """Return at how many points the devices were near."""
        return int(self.points[self.near].sum())

    def until(self, times_s: Floats) -> tuple[Ints, Ints]:
        """Return how many points are before each of ``times_s``, and at how many of them the devices were near."""
        span = np.searchsorted(self.begins_s, times_s, "left") - 1
        before = np.concatenate(([0], np.cumsum(self.points)))
        before_near = np.concatenate(([0], np.cumsum(np.where(self.near, self.points, 0))))
        at = np.maximum(span, 0)
        begin, step = self.begins_s[at], self.steps_s[at]
        within = np.ceil((times_s - begin) / step).astype(np.int64)
        within -= begin + (within - 1) * step >= times_s  # the quotient may be an ulp too large, or too small
        within += begin + within * step < times_s
        within = np.where(span < 0, 0, np.clip(within, 0, self.points[at]))
        return before[at] + within, before_near[at] + np.where(self.near[at], within, 0)

    def seconds(self) -> tuple[Floats, Bools]:
        """Return every point, and whether the devices were near then: a value for each second of a pair."""
        starts = np.cumsum(self.points) - self.points
        number = np.arange(int(self.points.sum())) - np.repeat(starts, self.points)
        times_s = np.repeat(self.begins_s, self.points) + number * np.repeat(self.steps_s, self.points)
        return np.asarray(times_s, dtype=np.float64), np.repeat(self.near, self.points)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Stretches of a known time, all of one length; a row for each that counts."""

    length_s: float
    minutes: Ints
    """The first minute of each, from :data:`FIRST_MINUTE` on."""
    ends: Ints
    """The minute after the last."""
    near_s: Floats
    """Seconds near, scaled from the known seconds to the length."""

    @property
    def near(self) -> Bools:
        """Whether a rule should say so."""
        return np.asarray(self.near_s >= self.length_s / 2)


def known_time(begins_s: Floats, ends_s: Floats, near: Bools) -> KnownTime:
    """Return the known time of spans in the order of time; equal ones are one object while they are kept."""
    return _of_bytes(begins_s.tobytes(), ends_s.tobytes(), near.tobytes())


@lru_cache(maxsize=SAME)
def _of_bytes(begins: bytes, ends: bytes, near: bytes) -> KnownTime:
    begins_s, ends_s = np.frombuffer(begins), np.frombuffer(ends)
    points = np.ceil((ends_s - begins_s) / SECOND_S).astype(np.int64)
    points[ends_s - begins_s <= SECOND_S + ROUNDING_S] = 1
    return KnownTime(begins_s, (begins_s + SECOND_S) - begins_s, points, np.frombuffer(near, dtype=np.bool_))


@lru_cache(maxsize=SAME)
def windows_of(known: KnownTime, length_s: float) -> Windows:
    """Cut a known time into whole windows.

    What is shorter than a window is one of its own length. ``length_s`` is a whole number of minutes.
    """
    first, last = known.first_s, known.last_s
    step_s = known.step_s() or length_s
    length_s = min(length_s, last - first + step_s)
    starts = np.arange(first, last - length_s / 2, length_s)
    before, before_near = known.until(starts)
    after, after_near = known.until(starts + length_s)
    points = after - before
    counts = points * step_s >= LEAST_KNOWN * length_s
    near_s = (after_near - before_near)[counts] / points[counts] * length_s
    minutes = FIRST_MINUTE + np.rint((starts[counts] - first) / MINUTE_S).astype(np.int64)
    return Windows(length_s, minutes, minutes + max(1, round(length_s / MINUTE_S)), near_s)


def weighted_median(values: Floats, counts: Ints) -> float:
    """Return the median of values that occur so many times; of an even number, the mean of the two in the middle."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(counts[order])
    low, high = (values[order][np.searchsorted(upto, at, "right")] for at in ((upto[-1] - 1) // 2, upto[-1] // 2))
    return float(low + (high - low) / 2)
