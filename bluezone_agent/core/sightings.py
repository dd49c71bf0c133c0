"""Sightings, aggregated by identifier and minute: what is kept of everything that was received.

A row per advertisement would cost gigabytes a day; count, mean power, extremes and a small histogram allow any rule to
be applied to the past again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.intervals import MINUTE_S, minute_at
from bluezone_agent.core.recently_received import SPREAD_S, RecentlyReceived

HISTOGRAM_BIN_DB: Final = 3
"""Width of a histogram bin; bin ``b`` holds the RSSI values ``3b <= rssi_dbm < 3b + 3``."""

PLAUSIBLE_RSSI_DBM: Final = range(-120, 0)
"""127 and -127 are the "no value" of BlueZ and HCI; 0 and above is not a reception."""

MOST_A_MINUTE: Final = 400
"""Identifiers kept per minute: first those that last, then those with the most received power. Within 2 m there is room
for some thirty people; a device that sends more identifiers than this forges them, and must not fill the card."""
ADMITTED: Final = 1_000
"""Identifiers of a minute that are admitted at their first packet."""
TALLIED: Final = 4_000
"""The most identifiers of a minute that are counted at all; those after the first :data:`ADMITTED` are counted once
they are known to last. Identifiers kept from the minute before are counted in addition, so that there are at most
:data:`MOST_A_MINUTE` more: 3 MB."""

POWER_MW: Final = {rssi_dbm: 10 ** (rssi_dbm / 10) for rssi_dbm in PLAUSIBLE_RSSI_DBM}


class BootTime(NamedTuple):
    """A time by the clock that nobody can set."""

    boot_id: str
    uptime_s: int
    """CLOCK_BOOTTIME."""


class ContactMinute(msgspec.Struct, frozen=True):
    """Everything received of one identifier within one minute of wall time."""

    observed: ObservedIdentifier
    minute: int
    """Minutes since the Unix epoch."""
    count: int
    mean_dbm: float
    """Mean of the received power in milliwatts, in dBm."""
    min_dbm: int
    max_dbm: int
    histogram: dict[int, int]
    """RSSI bin of :data:`HISTOGRAM_BIN_DB` → sightings."""
    trusted: bool
    """Whether the wall clock was trusted at the time of reception."""
    began: BootTime | None = None
    """When the minute began by uptime, so that an untrusted one can be dated later; None if it is trusted."""
    protected: bool = False
    """Whether the owner was protected when it began, so that it does not count."""


def precedence(m: ContactMinute) -> tuple[object, ...]:
    """Order two devices' minutes of one identifier: the greater one is kept, which was received more strongly.

    A minute that counts precedes a protected one. Two minutes compare as equal only when they are the same.
    """
    return (not m.protected, m.mean_dbm, m.count, m.max_dbm, m.min_dbm, sorted(m.histogram.items()))


class _Tally:
    """One identifier in one minute."""

    __slots__ = ("by_rssi", "first_s", "known_since_s", "last_s")

    def __init__(self, first_s: int, known_since_s: int) -> None:
        self.by_rssi: dict[int, int] = {}
        """RSSI in dBm → sightings."""
        self.first_s = self.last_s = first_s
        self.known_since_s = known_since_s
        """When it was first received, in the minute before or in the memory of identifiers that are not counted."""

    @property
    def persistence(self) -> int:
        """2 if it lasted within this minute, 1 if only together with what came before, else 0."""
        return (self.last_s - self.first_s > SPREAD_S) + (self.last_s - self.known_since_s > SPREAD_S)

    def power_mw(self) -> float:
        """Return the received power summed over all packets."""
        return sum(POWER_MW[rssi_dbm] * n for rssi_dbm, n in self.by_rssi.items())


class _OpenMinute:
    """What is received in one minute, under one state of the clock."""

    def __init__(self, minute: int, began: BootTime | None, *, trusted: bool, protected: bool) -> None:
        self.minute = minute
        self.began = began
        self.trusted = trusted
        self.protected = protected
        self.tallies: dict[ObservedIdentifier, _Tally] = {}
        self.known: dict[ObservedIdentifier, int] = {}
        """Identifiers that were kept of the minute before and last → Unix second since when they have been received."""

    def is_of(self, began: BootTime | None, *, trusted: bool, protected: bool) -> bool:
        """Return whether a minute with the same number is this one, and not one that a set clock shows again."""
        if (self.trusted, self.protected) != (trusted, protected) or (self.began is None) != (began is None):
            return False
        return (
            self.began is None
            or began is None
            or (self.began.boot_id == began.boot_id and abs(self.began.uptime_s - began.uptime_s) <= MINUTE_S // 2)
        )

    def ranked(self) -> list[ObservedIdentifier]:
        """Return all identifiers, those to be kept first.

        Identifiers that last precede those that do not, however strong: forging another one takes a packet, forging one
        that lasts takes as many as a neighbour sends. Among equals, many weak packets outweigh one strong one.
        """
        if len(self.tallies) <= MOST_A_MINUTE:
            return list(self.tallies)
        ranks = {observed: (tally.persistence, tally.power_mw()) for observed, tally in self.tallies.items()}
        return sorted(ranks, key=ranks.__getitem__, reverse=True)

    def lasting(self) -> dict[ObservedIdentifier, int]:
        """Return the identifiers that are kept and last, and since when."""
        kept = self.ranked()[:MOST_A_MINUTE]
        return {o: self.tallies[o].known_since_s for o in kept if self.tallies[o].persistence}


class ContactHour(msgspec.Struct, frozen=True):
    """How much was received in one hour."""

    starts_at_s: int
    identifiers: int
    minutes: int
    """Minutes in which at least one identifier was received."""
    identifier_minutes: int
    """The same, summed over identifiers."""
    strongest_dbm: int


class MinuteFold:
    """Gathers sightings until their minute is over. Memory grows with the identifiers nearby, up to a limit."""

    def __init__(self) -> None:
        self._open: list[_OpenMinute] = []
        self._current: _OpenMinute | None = None
        self._latest: _OpenMinute | None = None
        """The newest minute, also after it was handed over: identifiers that last in it are known in the next."""
        self._uncounted = RecentlyReceived()
        self._dropped = 0

    def turn_to(self, minute: int, *, trusted: bool, began: BootTime | None = None, protected: bool = False) -> None:
        """Count what follows in ``minute``, which began at ``began`` by uptime if wall time is not trusted."""
        for known in self._open:
            if known.minute == minute and known.is_of(began, trusted=trusted, protected=protected):
                self._current = known
                return
        self._current = _OpenMinute(minute, began, trusted=trusted, protected=protected)
        if self._latest is not None and self._latest.minute == minute - 1:
            self._current.known = self._latest.lasting()
        self._latest = self._current
        self._open.append(self._current)

    def count(self, observed: ObservedIdentifier, rssi_dbm: int, received_at_s: float) -> None:
        """Count one sighting in the current minute; ``rssi_dbm`` is in :data:`PLAUSIBLE_RSSI_DBM`."""
        if self._current is None:
            raise RuntimeError("turn_to() comes before count()")
        at_s = int(received_at_s)
        tally = self._current.tallies.get(observed)
        if tally is None:
            known_since_s = self._admitted(self._current, observed, at_s)
            if known_since_s is None:
                self._dropped += 1
                return
            tally = self._current.tallies[observed] = _Tally(at_s, known_since_s)
        tally.last_s = at_s
        tally.by_rssi[rssi_dbm] = tally.by_rssi.get(rssi_dbm, 0) + 1

    def _admitted(self, current: _OpenMinute, observed: ObservedIdentifier, at_s: int) -> int | None:
        """Return since when an identifier that is to be counted is known; None for one that is not counted.

        In a flood it has to be received for longer than :data:`SPREAD_S`.
        """
        if observed in current.known:
            return current.known[observed]
        if len(current.tallies) < ADMITTED:
            return at_s
        age_s = self._uncounted.age_s(observed, at_s)
        return at_s - age_s if age_s > SPREAD_S and len(current.tallies) < TALLIED else None

    def add(self, observed: ObservedIdentifier, rssi_dbm: int, received_at_s: float, *, trusted: bool) -> None:
        """Count one sighting, received at Unix second ``received_at_s``.

        Raises ValueError for an RSSI outside :data:`PLAUSIBLE_RSSI_DBM`.
        """
        if rssi_dbm not in PLAUSIBLE_RSSI_DBM:
            raise ValueError(f"RSSI of {rssi_dbm} dBm is not a reception")
        self.turn_to(minute_at(received_at_s), trusted=trusted)
        self.count(observed, rssi_dbm, received_at_s)

    def drain(self, still_open: int | None = None) -> list[ContactMinute]:
        """Return and forget all minutes except ``still_open``, oldest first."""
        done = sorted((m for m in self._open if m.minute != still_open), key=lambda m: m.minute)
        self._open = [m for m in self._open if m.minute == still_open]
        if self._current in done:
            self._current = None
        minutes: list[ContactMinute] = []
        for m in done:
            ranked = m.ranked()
            self._dropped += sum(sum(m.tallies[o].by_rssi.values()) for o in ranked[MOST_A_MINUTE:])
            minutes += [_contact_minute(m, o, m.tallies[o]) for o in ranked[:MOST_A_MINUTE]]
        return minutes

    def take_dropped(self) -> int:
        """Return how many sightings since the last call are in no minute, because there were too many identifiers."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def __len__(self) -> int:
        return sum(len(m.tallies) for m in self._open)


def _contact_minute(m: _OpenMinute, observed: ObservedIdentifier, tally: _Tally) -> ContactMinute:
    count, mean_dbm, histogram = power_summary(tally.by_rssi)
    weakest, strongest = min(tally.by_rssi), max(tally.by_rssi)
    return ContactMinute(
        observed, m.minute, count, mean_dbm, weakest, strongest, histogram, m.trusted, m.began, m.protected
    )


def power_summary(by_rssi: Mapping[int, int]) -> tuple[int, float, dict[int, int]]:
    """Return what is kept of a minute's packets by RSSI, dBm: their number, the mean of their power in dBm, and bins.

    The values of RSSI are in :data:`PLAUSIBLE_RSSI_DBM`, and there is at least one.
    """
    histogram: dict[int, int] = {}
    for rssi_dbm, n in by_rssi.items():
        bin_ = rssi_dbm // HISTOGRAM_BIN_DB
        histogram[bin_] = histogram.get(bin_, 0) + n
    count = sum(by_rssi.values())
    power_mw = sum(POWER_MW[rssi_dbm] * n for rssi_dbm, n in by_rssi.items())
    return count, 10 * math.log10(power_mw / count), histogram


def pack_histogram(histogram: dict[int, int]) -> bytes:
    """Return the lowest bin as int8, then the count of each bin up to the highest as LEB128, capped at 65535.

    A minute's packets lie within a few bins: 5 bytes.
    """
    if not histogram:
        return b""
    packed = bytearray(min(histogram).to_bytes(1, "big", signed=True))
    for bin_ in range(min(histogram), max(histogram) + 1):
        count = min(histogram.get(bin_, 0), 0xFFFF)
        while count > 0x7F:
            packed.append(count & 0x7F | 0x80)
            count >>= 7
        packed.append(count)
    return bytes(packed)


def unpack_histogram(data: bytes) -> dict[int, int]:
    """Undo :func:`pack_histogram`; bytes that it never wrote give some histogram."""
    histogram: dict[int, int] = {}
    bin_ = int.from_bytes(data[:1], "big", signed=True)
    count = shift = 0
    for byte in data[1:]:
        count |= (byte & 0x7F) << shift
        shift += 7
        if byte <= 0x7F:
            if count:
                histogram[bin_] = count
            bin_, count, shift = bin_ + 1, 0, 0
    return histogram
