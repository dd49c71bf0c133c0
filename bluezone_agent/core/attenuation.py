"""From received power to attenuation, the quantity that closeness is judged by."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ASSUMED_TX_POWER_DBM: Final = -25
"""For frames that state no power, as the Bluezone app's: the calibrated power of most phones at the same "low"
setting (published calibration of the DP-3T exp34 phones: -23 to -29 dBm)."""


@dataclass(frozen=True, slots=True)
class HeardMinute:
    """One minute in which beacons of one matched key were heard."""

    minute: int
    """Minutes since the Unix epoch."""
    attenuation_db: float
    count: int
    """Sightings in this minute."""


def attenuation_db(tx_power_dbm: float, rssi_dbm: float) -> float:
    """Return ``max(0, tx_power - rssi)`` (Exposure Notification's definition, without receiver correction)."""
    return max(0.0, tx_power_dbm - rssi_dbm)


def merge(minutes: Iterable[HeardMinute]) -> tuple[HeardMinute, ...]:
    """Return one entry a minute, in order; several in one minute count by their received power.

    A minute has several entries where an identifier changes within it.
    """
    by_minute: dict[int, list[HeardMinute]] = {}
    for heard in minutes:
        by_minute.setdefault(heard.minute, []).append(heard)
    return tuple(_merged(by_minute[minute]) for minute in sorted(by_minute))


def _merged(parts: list[HeardMinute]) -> HeardMinute:
    if len(parts) == 1:
        return parts[0]
    count = sum(p.count for p in parts)
    gain = sum(p.count * 10 ** (-p.attenuation_db / 10) for p in parts) / count
    return HeardMinute(parts[0].minute, -10 * math.log10(gain), count)
