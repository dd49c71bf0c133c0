"""Sightings, folded per beacon and minute: what is kept of everything that was heard.

A row per advertisement would cost gigabytes a day; count, power mean, extremes and a small histogram
let any rule be applied to the past again.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.intervals import MINUTE_S, minute_at

HISTOGRAM_BIN_DB: Final = 3
"""Width of a histogram bin; bin ``b`` holds the RSSI values ``3b <= rssi_dbm < 3b + 3``."""

PLAUSIBLE_RSSI_DBM: Final = range(-120, 0)
"""127 and -127 are BlueZ's and HCI's words for "no value"; 0 and above is no reception."""

MOST_A_MINUTE: Final = 400
"""Identifiers kept of a minute, those of which most power was received in all. Within 2 m there is room for some thirty
people; who sends more identifiers than this forges them, and must not fill the card."""
ADMITTED: Final = 1_000
"""Identifiers of a minute that are taken in at their first packet."""
TALLIED: Final = 4_000
"""Identifiers of a minute that are counted at all; those after the first :data:`ADMITTED` at their second packet."""
SEEN_ONCE: Final = 20_000
"""Newest identifiers of which one packet is remembered: 1 to 2 s of 10,000 forged ones a second, in which a real device
sends four packets. 5 MB."""

POWER_MW: Final = {rssi_dbm: 10 ** (rssi_dbm / 10) for rssi_dbm in PLAUSIBLE_RSSI_DBM}


class BootTime(NamedTuple):
    """A time by the clock that nobody can set."""

    boot_id: str
    uptime_s: int
    """CLOCK_BOOTTIME."""


class ContactMinute(msgspec.Struct, frozen=True):
    """Everything heard of one beacon within one minute of wall time."""

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
    """Whether the wall clock was trusted when it was heard."""
    began: BootTime | None = None
    """When the minute began by uptime, so that an untrusted one can be dated later; None where it is trusted."""
    protected: bool = False
    """Whether its owner was protected when it began, so that it does not count."""


def precedence(m: ContactMinute) -> tuple[object, ...]:
    """Order two devices' minutes of one beacon: the greater is kept, the one received more strongly.

    One that counts goes before one that was protected. Two minutes are equal in it only when they are the same.
    """
    return (not m.protected, m.mean_dbm, m.count, m.max_dbm, m.min_dbm, sorted(m.histogram.items()))


Tally = dict[int, int]
"""RSSI in dBm → sightings, of one beacon in one minute."""


class _OpenMinute:
    """What is heard in one minute, under one state of the clock."""

    def __init__(self, minute: int, began: BootTime | None, *, trusted: bool, protected: bool) -> None:
        self.minute = minute
        self.began = began
        self.trusted = trusted
        self.protected = protected
        self.tallies: dict[ObservedIdentifier, Tally] = {}

    def is_of(self, began: BootTime | None, *, trusted: bool, protected: bool) -> bool:
        """Return whether a minute of the same number is this one, and not one that a set clock shows again."""
        if (self.trusted, self.protected) != (trusted, protected) or (self.began is None) != (began is None):
            return False
        return (
            self.began is None
            or began is None
            or (self.began.boot_id == began.boot_id and abs(self.began.uptime_s - began.uptime_s) <= MINUTE_S // 2)
        )


class ContactHour(msgspec.Struct, frozen=True):
    """How much was received in one hour."""

    starts_at_s: int
    identifiers: int
    minutes: int
    """Minutes in which at least one identifier was received."""
    identifier_minutes: int
    """The same summed over identifiers."""
    strongest_dbm: int


class MinuteFold:
    """Gathers sightings until their minute is over. Memory grows with beacons near, and only so far."""

    def __init__(self) -> None:
        self._open: list[_OpenMinute] = []
        self._current: _OpenMinute | None = None
        self._seen_once: set[ObservedIdentifier] = set()
        self._seen_before: set[ObservedIdentifier] = set()
        """The older half of those seen once."""
        self._dropped = 0

    def turn_to(self, minute: int, *, trusted: bool, began: BootTime | None = None, protected: bool = False) -> None:
        """Count what follows in ``minute``, which began at ``began`` by uptime where wall time is not trusted."""
        for known in self._open:
            if known.minute == minute and known.is_of(began, trusted=trusted, protected=protected):
                self._current = known
                return
        self._current = _OpenMinute(minute, began, trusted=trusted, protected=protected)
        self._open.append(self._current)

    def count(self, observed: ObservedIdentifier, rssi_dbm: int) -> None:
        """Count one sighting in the minute turned to last; ``rssi_dbm`` is in :data:`PLAUSIBLE_RSSI_DBM`."""
        if self._current is None:
            raise RuntimeError("turn_to() comes before count()")
        tallies = self._current.tallies
        tally = tallies.get(observed)
        if tally is None:
            if len(tallies) >= ADMITTED and not self._admits(observed, len(tallies)):
                self._dropped += 1
                return
            tallies[observed] = {rssi_dbm: 1}
        else:
            tally[rssi_dbm] = tally.get(rssi_dbm, 0) + 1

    def _admits(self, observed: ObservedIdentifier, tallied: int) -> bool:
        """In a flood a beacon has to be heard twice within a short while: those that are forged anew never are."""
        if observed in self._seen_once or observed in self._seen_before:
            return tallied < TALLIED
        if len(self._seen_once) >= SEEN_ONCE // 2:
            self._seen_before, self._seen_once = self._seen_once, set()
        self._seen_once.add(observed)
        return False

    def add(self, observed: ObservedIdentifier, rssi_dbm: int, received_at_s: float, *, trusted: bool) -> None:
        """Count one sighting, heard at Unix second ``received_at_s``.

        Raises ValueError for an RSSI outside :data:`PLAUSIBLE_RSSI_DBM`.
        """
        if rssi_dbm not in PLAUSIBLE_RSSI_DBM:
            raise ValueError(f"RSSI of {rssi_dbm} dBm is not a reception")
        self.turn_to(minute_at(received_at_s), trusted=trusted)
        self.count(observed, rssi_dbm)

    def drain(self, still_open: int | None = None) -> list[ContactMinute]:
        """Hand over, and forget, all minutes but ``still_open``, oldest first."""
        done = sorted((m for m in self._open if m.minute != still_open), key=lambda m: m.minute)
        self._open = [m for m in self._open if m.minute == still_open]
        if self._current in done:
            self._current = None
        return [_contact_minute(m, observed, m.tallies[observed]) for m in done for observed in self._kept(m.tallies)]

    def _kept(self, tallies: dict[ObservedIdentifier, Tally]) -> list[ObservedIdentifier]:
        """Return whom to keep: many weak packets outweigh one strong one, and forging many costs air time."""
        if len(tallies) <= MOST_A_MINUTE:
            return list(tallies)
        ranked = sorted(tallies, key=lambda observed: _power_mw(tallies[observed]), reverse=True)
        self._dropped += sum(sum(tallies[observed].values()) for observed in ranked[MOST_A_MINUTE:])
        return ranked[:MOST_A_MINUTE]

    def take_dropped(self) -> int:
        """Return how many sightings no minute has since the last call, for too many identifiers were on the air."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def __len__(self) -> int:
        return sum(len(m.tallies) for m in self._open)


def _power_mw(tally: Tally) -> float:
    """Return the received power summed over all packets."""
    return sum(POWER_MW[rssi_dbm] * n for rssi_dbm, n in tally.items())


def _contact_minute(m: _OpenMinute, observed: ObservedIdentifier, tally: Tally) -> ContactMinute:
    histogram: dict[int, int] = {}
    for rssi_dbm, n in tally.items():
        bin_ = rssi_dbm // HISTOGRAM_BIN_DB
        histogram[bin_] = histogram.get(bin_, 0) + n
    count = sum(tally.values())
    mean_dbm = 10 * math.log10(_power_mw(tally) / count)
    return ContactMinute(
        observed, m.minute, count, mean_dbm, min(tally), max(tally), histogram, m.trusted, m.began, m.protected
    )


def pack_histogram(histogram: dict[int, int]) -> bytes:
    """Return the lowest bin as int8, then the count of each bin from it to the highest as LEB128, capped at 65535.

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
