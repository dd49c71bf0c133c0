"""Sightings, folded per beacon and minute: what is kept of everything that was heard.

A row per advertisement would cost gigabytes a day; count, power mean, extremes and a small histogram
let any rule be applied to the past again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bluezone_agent.core.identifiers import Beacon
from bluezone_agent.core.intervals import minute_at

HISTOGRAM_BIN_DB: Final = 3
"""Width of a histogram bin; bin ``b`` holds the RSSI values ``3b <= rssi_dbm < 3b + 3``."""

PLAUSIBLE_RSSI_DBM: Final = range(-120, 0)
"""127 and -127 are BlueZ's and HCI's words for "no value"; 0 and above is no reception."""


@dataclass(frozen=True, slots=True)
class ContactMinute:
    """Everything heard of one beacon within one minute of wall time."""

    beacon: Beacon
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


@dataclass(slots=True)
class _Tally:
    count: int = 0
    power_mw: float = 0.0
    rssi: Counter[int] = field(default_factory=Counter)
    trusted: bool = True


class MinuteFold:
    """Gathers sightings until their minute is over. Memory grows with beacons near, not with adverts."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[int, Beacon], _Tally] = {}

    def add(self, beacon: Beacon, rssi_dbm: int, heard_at_s: float, *, trusted: bool) -> None:
        """Count one sighting, heard at Unix second ``heard_at_s``.

        Raises ValueError for an RSSI outside :data:`PLAUSIBLE_RSSI_DBM`.
        """
        if rssi_dbm not in PLAUSIBLE_RSSI_DBM:
            raise ValueError(f"RSSI of {rssi_dbm} dBm is not a reception")
        tally = self._tallies.setdefault((minute_at(heard_at_s), beacon), _Tally())
        tally.count += 1
        tally.power_mw += 10 ** (rssi_dbm / 10)
        tally.rssi[rssi_dbm] += 1
        tally.trusted &= trusted

    def drain(self, before_minute: int | None = None) -> list[ContactMinute]:
        """Hand over, and forget, the minutes before ``before_minute`` (all when None), oldest first."""
        done = sorted(
            (key for key in self._tallies if before_minute is None or key[0] < before_minute),
            key=lambda key: key[0],
        )
        return [_contact_minute(minute, beacon, self._tallies.pop((minute, beacon))) for minute, beacon in done]

    def __len__(self) -> int:
        return len(self._tallies)


def _contact_minute(minute: int, beacon: Beacon, tally: _Tally) -> ContactMinute:
    histogram: Counter[int] = Counter()
    for rssi, count in tally.rssi.items():
        histogram[rssi // HISTOGRAM_BIN_DB] += count
    mean_dbm = 10 * math.log10(tally.power_mw / tally.count)
    return ContactMinute(
        beacon,
        minute,
        tally.count,
        mean_dbm,
        min(tally.rssi),
        max(tally.rssi),
        dict(histogram),
        tally.trusted,
    )


def pack_histogram(histogram: dict[int, int]) -> bytes:
    """Return 3 bytes a bin, sorted: bin as int8, count as big-endian uint16, capped at 65535."""
    return b"".join(
        b.to_bytes(1, "big", signed=True) + min(n, 0xFFFF).to_bytes(2, "big") for b, n in sorted(histogram.items())
    )


def unpack_histogram(data: bytes) -> dict[int, int]:
    """Undo :func:`pack_histogram`."""
    return dict(_bins(data))


def _bins(data: bytes) -> Iterator[tuple[int, int]]:
    for at in range(0, len(data), 3):
        yield (
            int.from_bytes(data[at : at + 1], "big", signed=True),
            int.from_bytes(data[at + 1 : at + 3], "big"),
        )
