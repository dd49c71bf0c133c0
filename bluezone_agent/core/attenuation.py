"""From received power to attenuation, the quantity by which closeness is judged."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB

ASSUMED_TX_POWER_DBM: Final = -25
"""For advertisements that state no power, such as the Bluezone app's: the calibrated power of most phones at the same
"low" setting (published calibration of the DP-3T exp34 phones: -23 to -29 dBm)."""

CLOSE_DB: Final = 55.0
MIDDLE_DB: Final = 63.0
"""SwissCovid's published thresholds."""


class Closeness(StrEnum):
    """How near a device seems: the bands of the contact history and of the live feed."""

    CLOSE = "close"
    """Up to :data:`CLOSE_DB`, about 2 m with line of sight."""
    MEDIUM = "medium"
    """Up to :data:`MIDDLE_DB`."""
    FAR = "far"


def closeness(attenuation_db: float) -> Closeness:
    """Return the band of an attenuation."""
    if attenuation_db <= CLOSE_DB:
        return Closeness.CLOSE
    return Closeness.MEDIUM if attenuation_db <= MIDDLE_DB else Closeness.FAR


class CoPresence(msgspec.Struct, frozen=True):
    """The other devices received in the same minute: a device weaker than most of them is hardly the nearest."""

    received: int = 0
    """Identifiers of other devices; also 0 where it is not known."""
    stronger: int = 0
    """How many of them were received more strongly."""
    weaker_by_db: float = 0.0
    """By how much the others' mean RSSI was weaker, on average; negative if they were stronger."""


NO_OTHERS: Final = CoPresence()


class ReceivedMinute(msgspec.Struct, frozen=True):
    """One minute in which identifiers of one matched key were received: all that a rule needs, while it is kept."""

    minute: int
    """Minutes since the Unix epoch."""
    attenuation_db: float
    """Attenuation of the mean received power."""
    count: int
    """Sightings in this minute."""
    histogram: Mapping[int, int] = msgspec.field(default_factory=dict)
    """Bin of attenuation → sightings; bin ``b`` holds ``3b <= attenuation_db < 3b + 3``. Empty where it is not known;
    then all sightings have the minute's attenuation."""
    co_presence: CoPresence = NO_OTHERS
    protected: bool = False
    """Whether the device's owner was protected: such a minute has weight 0."""


def attenuation_db(tx_power_dbm: float, rssi_dbm: float) -> float:
    """Return ``max(0, tx_power - rssi)`` (Exposure Notification's definition, without receiver correction)."""
    return max(0.0, tx_power_dbm - rssi_dbm)


def co_presence(mean_dbm: float, others_dbm: Sequence[float]) -> CoPresence:
    """Return how the mean RSSI of ``others_dbm`` compares with a device received at ``mean_dbm`` in the same minute."""
    if not others_dbm:
        return NO_OTHERS
    weaker_by_db = mean_dbm - sum(others_dbm) / len(others_dbm)
    return CoPresence(len(others_dbm), sum(other > mean_dbm for other in others_dbm), round(weaker_by_db, 2))


def merge(minutes: Iterable[ReceivedMinute]) -> tuple[ReceivedMinute, ...]:
    """Return one entry per minute, in order; several entries of one minute are weighted by their received power.

    A minute has several entries if the identifier changes within it.
    """
    by_minute: dict[int, list[ReceivedMinute]] = {}
    for received in minutes:
        by_minute.setdefault(received.minute, []).append(received)
    return tuple(_merged(by_minute[minute]) for minute in sorted(by_minute))


def _merged(parts: list[ReceivedMinute]) -> ReceivedMinute:
    if len(parts) == 1:
        return parts[0]
    count = sum(p.count for p in parts)
    gain = sum(p.count * 10 ** (-p.attenuation_db / 10) for p in parts) / count
    histogram: Counter[int] = Counter()
    for part in parts:
        histogram.update(part.histogram)
    co_presence = max((p.co_presence for p in parts), key=lambda c: (c.received, -c.stronger, c.weaker_by_db))
    protected = all(p.protected for p in parts)
    attenuation_db = -10 * math.log10(gain)
    return ReceivedMinute(
        parts[0].minute, attenuation_db, count, dict(sorted(histogram.items())), co_presence, protected
    )


def attenuation_histogram(rssi_histogram: Mapping[int, int], tx_power_dbm: float) -> dict[int, int]:
    """Return a minute's histogram of attenuation from that of its RSSI, both in bins of 3 dB.

    The sightings of a bin are placed by its middle: at most 1.5 dB off.
    """
    bins: Counter[int] = Counter()
    for rssi_bin, sightings in rssi_histogram.items():
        middle_dbm = HISTOGRAM_BIN_DB * rssi_bin + 1  # the middle of three whole decibels
        bins[int(attenuation_db(tx_power_dbm, middle_dbm) // HISTOGRAM_BIN_DB)] += sightings
    return dict(sorted(bins.items()))
