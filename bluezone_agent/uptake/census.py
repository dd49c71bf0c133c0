"""How many devices take part at one place, estimated from the live feed.

What is estimated is the number of devices present at a moment, averaged over the time of the count. An identifier is
on the air from when its device comes, or begins it, until the device leaves, or ends it. A device has one identifier at
a time. So the time that all identifiers were on the air together, divided by the time of the count, is the number of
devices, however often they rotate, come and go.

*Identifiers that were received at least twice.* With ``c`` receptions in a time ``R`` from the first to the last, and
gaps ``g`` between them, an identifier was on the air for ``R + c / (c - 1) * sum(g^2) / R``. The second term is the
mean recurrence time of a renewal process, ``E[g^2] / (2 E[g])``, at both ends (Cox, Renewal Theory, 1962, section 5.2);
with the factor it has no bias for receptions at random, where ``R`` is ``(c - 1) / (c + 1)`` of the time on average
(David and Nagaraja, Order Statistics, 2003, section 2.5).

*Identifiers that were received once or never.* Of the latter there are at least ``f1 (f1 - 1) / (2 (f2 + 1))``, by the
numbers ``f1`` and ``f2`` of those received once and twice, however different the devices are (Chao, Biometrics 43,
1987, 783-791, with the correction of bias). Each counts with the mean time on the air of the others.

*Interval.* Each end of a time on the air has the deviation of an exponential gap. The identifiers that were never
received have Chao's variance and a log-normal interval. Both are put together by the method of variance estimates
recovery (Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702), and rounded outwards to whole devices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from bluezone_agent.core.live_line import LiveLine, LiveState
from bluezone_agent.core.neighbours import GONE_S

LEAST_S: Final = 60
"""A count takes at least as long; bluetoothd then reports each device five times with the slowest adapters."""
LEAST_SCANNED: Final = 0.9
"""Share of the time for which the agent has to scan; what it missed meanwhile counts as missed packets."""
CLOCK_DIFFERS: Final = 0.3
"""By how much the time of the lines may differ from that of their clock: the feed sleeps for a second after each line,
and with 500 devices a slow computer needs some tenths more for a line."""
CLOCK_DIFFERS_S: Final = 5.0
NORMAL_95: Final = 1.96
"""Of the standard normal distribution, 95 % lies within as many deviations."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Devices present at a moment, on average over the time of the count, with the bounds of the 95 % interval."""

    devices: float
    low: float
    high: float
    identifiers: int
    """Distinct ones that were received."""
    unseen: float
    """Of the devices, how many were received at most once, or never."""
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

    def time_outside_s(self) -> float:
        """Return how long it was on the air before the first and after the last reception, by expectation."""
        return self.received / (self.received - 1) * self.gap_squares / (self.last_s - self.first_s)


class Census:
    """Reads lines of the live feed, one a second; at most one reception of an identifier counts per line."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._packets: dict[str, int] = {}
        """By pseudonym, as the last line with it said."""
        self._first: LiveLine | None = None
        self._last: LiveLine | None = None
        self._lines = self._scanning = 0

    @property
    def lasted_s(self) -> float:
        """Seconds from the first line to the last."""
        return 0.0 if self._first is None or self._last is None else float(self._last.number - self._first.number)

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
        return abs(self.clock_s - self.lasted_s) <= CLOCK_DIFFERS_S + CLOCK_DIFFERS * self.lasted_s

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
        repeated = [track for track in self._tracks.values() if track.received > 1]
        once = len(self._tracks) - len(repeated)
        twice = sum(track.received == 2 for track in repeated)
        heard = _heard(repeated, self.lasted_s)
        each = heard.devices / len(repeated) if repeated else 1.0
        unseen = _unseen(once, twice, len(self._tracks))
        rest = _Part(*((once + bound) * each for bound in unseen))
        devices = heard.devices + rest.devices
        low = devices - math.hypot(heard.devices - heard.low, rest.devices - rest.low)
        high = devices + math.hypot(heard.high - heard.devices, rest.high - rest.devices)
        return Estimate(
            devices=devices,
            low=max(0.0, float(math.floor(low))),
            high=float(math.ceil(high)),
            identifiers=len(self._tracks),
            unseen=rest.devices,
            lasted_s=self.lasted_s,
        )


class _Part(NamedTuple):
    """Some of the devices, with the bounds of the interval."""

    devices: float
    low: float
    high: float


def _heard(tracks: Iterable[_Track], lasted_s: float) -> _Part:
    total_s = variance = 0.0
    for track in tracks:
        outside_s = track.time_outside_s()
        total_s += track.last_s - track.first_s + outside_s
        variance += outside_s**2 * (0.5 + 1 / track.received)
    half = NORMAL_95 * math.sqrt(variance) / lasted_s
    return _Part(total_s / lasted_s, total_s / lasted_s - half, total_s / lasted_s + half)


def _unseen(once: int, twice: int, identifiers: int) -> _Part:
    """Return how many identifiers were never received (Chao 1987, with the correction of bias)."""
    if not once:
        return _Part(0.0, 0.0, 0.0)
    never = once * (once - 1) / (2 * (twice + 1))
    if twice:
        ratio = once / twice
        variance = twice * (ratio**2 / 2 + ratio**3 + ratio**4 / 4)
    else:
        variance = once * (once - 1) / 2 + once * (2 * once - 1) ** 2 / 4 - once**4 / (4 * (identifiers + never))
    if not never:
        return _Part(0.0, 0.0, NORMAL_95 * math.sqrt(max(variance, 0.0)))
    spread = math.exp(NORMAL_95 * math.sqrt(math.log(1 + max(variance, 0.0) / never**2)))
    return _Part(never, never / spread, never * spread)
