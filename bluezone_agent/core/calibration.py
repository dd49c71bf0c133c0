"""What a device reads at a known distance, and what has to be added to it so that rules mean the same everywhere.

Receivers of one model differ by a few decibels, those of two models by ten or more, and a case of metal by more
still. All that a rule knows of a device is one number, its RSSI correction: the attenuation is
``tx_power - (rssi + rssi_correction)``, as in Exposure Notifications.
"""

from __future__ import annotations

from typing import Final

import msgspec

REFERENCE_ATTENUATION_DB: Final = 54.0
"""At 1 m: the median of 2,971 sightings at 0.8 to 1.2 m of phones on people, after the phones' published calibration
(DP-3T experiment exp34). What rules were made on; a corrected device reads it at 1 m."""


class Reading(msgspec.Struct, frozen=True):
    """A peer at a known distance in one orientation."""

    distance_m: float
    attenuation_db: float
    """The median of its packets."""
    packets: int


class Calibration(msgspec.Struct, frozen=True):
    """What readings say of a device. Margins are the half widths of 95 % intervals; None where nothing tells them."""

    rssi_correction_db: float
    """To add to every RSSI."""
    margin_db: float | None = None
    decade_db: float | None = None
    """By how much the attenuation grows with ten times the distance; free space is 20."""
    decade_margin_db: float | None = None
    packets: int = 0
