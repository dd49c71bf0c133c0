"""How many devices take part at one place, estimated from the live feed.

What is estimated is the number of devices present at a moment, averaged over the time of the count. An identifier is
on the air from when its device comes, or begins it, until the device leaves, or ends it. A device has one identifier at
a time. So the time that all identifiers were on the air together, divided by the time of the count, is the number of
devices, however often they rotate, come and go.

*Identifiers that were received at least twice.* With ``c`` receptions in a time ``R`` from the first to the last, and
gaps ``g`` between them, an identifier was on the air before the first and after the last for a time of which each has
the expectation ``E[g^2] / (2 E[g])``, the mean recurrence time of a renewal process (Cox, Renewal Theory, 1962, section
5.2), here ``c / (c - 1) * sum(g^2) / (2 R)``: with the factor it has no bias for receptions at random, where ``R`` is
``(c - 1) / (c + 1)`` of the time on average (David and Nagaraja, Order Statistics, 2003, section 2.5).

*Short ones.* An identifier that ends soon after the count began, or begins soon before it ends, may be received once
though its device is received well, and devices with right clocks begin new ones at the same moment. So one that was
received once within four gaps of such an end, by the median gap of all, counts from there to that end and no further.

*Devices received badly.* The other identifiers that were received once are of such, and so are as many in the same
share of the time near the ends: ``f1`` together. At least ``f1 (f1 - 1) / (2 (f2 + 1))`` more were never received, with
``f2`` received twice, however different the devices are (Chao, Biometrics 43, 1987, 783-791, with the correction of
bias). Each counts with the mean time of the others.

*Interval.* A time at an end has the deviation of an exponential gap, ``f1`` that of a count; their variances are
doubled, since receptions come in bursts. The identifiers never received have Chao's variance and a log-normal interval.
With an allowance for what the model leaves out, all are put together by the method of variance estimates recovery (Zou
and Donner, Statistics in Medicine 27, 2008, 1693-1702), and rounded outwards to whole devices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final, NamedTuple

import msgspec

from bluezone_agent.core.live_line import LiveLine, LiveState
from bluezone_agent.core.neighbours import GONE_S

LEAST_S: Final = 60
"""A count takes at least as long; bluetoothd then reports each device five times with the slowest adapters."""
LEAST_SCANNED: Final = 0.9
"""Share of the time for which the agent has to scan; what it missed meanwhile counts as missed packets."""
CLOCK_DIFFERS_S: Final = 5.0
"""By how much the time of the lines may differ from that of their clock."""
NORMAL_95: Final = 1.96
"""Of the standard normal distribution, 95 % lies within as many deviations."""
CAME: Final = 6.0
"""An identifier whose first reception is this many recurrence times after the beginning began during the count: of
those that were there before, e^-6 or 0.2 % look like it."""
NEAR_END_GAPS: Final = 4.0
"""Of identifiers whose device is received well, 7 % are still received only once after as many gaps: 4 e^-4."""
MOST_NEAR_END: Final = 1 / 6
"""Share of the time at each end that is left out at most: of a device that is received badly there is no more."""
ENOUGH: Final = 3
"""Receptions of an identifier whose mean gap counts in the median."""
DISPERSION: Final = 2.0
"""Variance of times and counts, in that of independent receptions; by halls 101 to 130 of ``benchmarks.census``."""
MODEL_ERROR: Final = 0.02
"""Of the devices: what is left in halls of 500, where chance is small; by the same halls."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Devices present at a moment, on average over the time of the count, with the bounds of the 95 % interval."""

    devices: float
    low: float
    high: float
    identifiers: int
    """Distinct ones that were received."""
    unseen: float
    """Of the devices, those that were received once, or never."""
    lasted_s: float


class _Track:
    """When one identifier was received."""

    __slots__ = ("first_s", "gap_squares", "last_s", "received")

    def __init__(self, at_s: float) -> None:
        self.first_s = self.last_s = at_s
        self.received = 1
        self.gap_squares = 0.0

    def add(self, at_s: float) -> None:
        self.gap_squares += (at_s - self.last_s) ** 2
        self.last_s = at_s
        self.received += 1

    def is_within(self, end_s: float, lasted_s: float) -> bool:
        """Return whether not all of its receptions are within ``end_s`` of the same end of the count."""
        return self.last_s >= end_s and self.first_s <= lasted_s - end_s

    @property
    def range_s(self) -> float:
        return self.last_s - self.first_s

    @property
    def gap_s(self) -> float:
        """The mean gap of one that was received more than once."""
        return self.range_s / (self.received - 1)

    @property
    def recurrence_s(self) -> float:
        """The expected time from a random moment to the next reception, of one that was received more than once."""
        return self.gap_squares / (2 * self.range_s)


class Census:
    """Reads lines of the live feed, about one a second; at most one reception of an identifier counts per line."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._packets: dict[str, int] = {}
        """By pseudonym, as the last line with it said."""
        self._first: LiveLine | None = None
        self._last: LiveLine | None = None
        self._lines = self._scanning = 0
        self._sparse = False

    @property
    def lasted_s(self) -> float:
        """Seconds from the first line to the last."""
        return 0.0 if self._first is None or self._last is None else self._last.up_s - self._first.up_s

    @property
    def scanned_s(self) -> float:
        """Of this time, for how many seconds the agent scanned."""
        return self.lasted_s * self._scanning / max(self._lines, 1)

    @property
    def clock_s(self) -> float:
        """Seconds from the first line to the last by the agent's clock."""
        return (self._last.at - self._first.at).total_seconds() if self._first and self._last else 0.0

    @property
    def continuous(self) -> bool:
        """Whether the lines are of one stretch of time, in which nobody set the clock."""
        return abs(self.clock_s - self.lasted_s) <= CLOCK_DIFFERS_S

    @property
    def middle(self) -> datetime | None:
        """The middle of the time of the count, whole seconds; None without a line."""
        return self._first.at + timedelta(seconds=self.clock_s // 2) if self._first else None

    def add(self, line: LiveLine) -> None:
        """Take a line; those before it came earlier."""
        self._first = self._first or line
        self._last = line
        self._lines += 1
        self._scanning += line.state is LiveState.SCANNING
        self._sparse |= line.radio.sparse
        for near in line.neighbours:
            at_s = self.lasted_s - near.received_s
            track = self._tracks.get(near.pseudonym)
            known = self._packets.get(near.pseudonym) == near.packets
            self._packets[near.pseudonym] = near.packets
            if at_s < 0 or (known and (track is None or at_s - track.last_s <= GONE_S)):
                continue
            if track is None:
                self._tracks[near.pseudonym] = _Track(at_s)
            elif at_s > track.last_s:
                track.add(at_s)

    def estimate(self) -> Estimate:
        """Return the number of devices; ValueError if the lines are of no length of time."""
        if self.lasted_s <= 0:
            raise ValueError("a census takes more than one line")
        lasted_s, tracks = self.lasted_s, list(self._tracks.values())
        repeated = [track for track in tracks if track.received > 1]
        end_s = _end_s(repeated, lasted_s)
        whole = lasted_s / (lasted_s - 2 * end_s)
        inside = sum(track.received == 1 and track.is_within(end_s, lasted_s) for track in tracks)
        twice = sum(track.received == 2 and track.is_within(end_s, lasted_s) for track in tracks)
        found = _repeated(repeated, sparse=self._sparse)
        never = _never(once := inside * whole, twice, len(tracks))
        each = found.total_s / len(repeated) / lasted_s if repeated else 0.5
        unseen = (once + never.number) * each
        devices = (found.total_s + _short_s(tracks, end_s, lasted_s)) / lasted_s + unseen
        of_times = NORMAL_95 * math.sqrt(DISPERSION * found.variance_s2) / lasted_s
        of_once = NORMAL_95 * math.sqrt(DISPERSION * (inside + 2 * end_s / lasted_s)) * whole
        same = (of_times, MODEL_ERROR * devices)
        low = devices - math.hypot(*same, min(of_once, once) * each, (never.number - never.low) * each)
        high = devices + math.hypot(*same, of_once * each, (never.high - never.number) * each)
        return Estimate(
            devices=devices,
            low=max(0.0, float(math.floor(low))),
            high=float(math.ceil(high)),
            identifiers=len(tracks),
            unseen=unseen,
            lasted_s=lasted_s,
        )


def _end_s(repeated: Sequence[_Track], lasted_s: float) -> float:
    """Return how long before an end an identifier of a device that is received well may be received only once."""
    gaps = [track.gap_s for track in repeated if track.received >= ENOUGH]
    return min(NEAR_END_GAPS * median(gaps) if gaps else lasted_s, MOST_NEAR_END * lasted_s)


def _short_s(tracks: Sequence[_Track], end_s: float, lasted_s: float) -> float:
    """Return how long the identifiers that were received once near an end were on the air."""
    short = [track for track in tracks if track.received == 1 and not track.is_within(end_s, lasted_s)]
    return sum(min(track.first_s, lasted_s - track.first_s) + end_s / NEAR_END_GAPS for track in short)


class _Repeated(NamedTuple):
    """The identifiers that were received more than once."""

    total_s: float
    """Together on the air."""
    variance_s2: float


def _repeated(tracks: Sequence[_Track], *, sparse: bool) -> _Repeated:
    """Add up; ``sparse`` receivers report an identifier as soon as it begins, and afterwards at regular times."""
    total_s = variance_s2 = 0.0
    for track in tracks:
        end_s = track.received / (track.received - 1) * track.recurrence_s
        beginning_s = 0.0 if sparse and track.first_s > CAME * end_s else end_s
        total_s += beginning_s + track.range_s + end_s
        variance_s2 += beginning_s**2 + end_s**2 + (beginning_s + end_s) ** 2 / track.received
    return _Repeated(total_s, variance_s2)


class _Never(NamedTuple):
    """Identifiers that were never received, with the bounds of a 95 % interval."""

    number: float
    low: float
    high: float


def _never(once: float, twice: int, identifiers: int) -> _Never:
    """Return how many there are by those received once and twice (Chao 1987, with the correction of bias)."""
    number = max(0.0, once * (once - 1) / (2 * (twice + 1)))
    if twice:
        ratio = once / twice
        variance = twice * (ratio**2 / 2 + ratio**3 + ratio**4 / 4)
    else:
        at_most = max(identifiers + number, 1.0)
        variance = max(0.0, once * (once - 1) / 2 + once * (2 * once - 1) ** 2 / 4 - once**4 / (4 * at_most))
    if not number:
        return _Never(0.0, 0.0, NORMAL_95 * math.sqrt(variance))
    spread = math.exp(NORMAL_95 * math.sqrt(math.log(1 + variance / number**2)))
    return _Never(number, number / spread, number * spread)
