"""What a device measures at a known distance, and the correction that makes rules mean the same on every device.

Receivers of one model differ by a few decibels, those of two models by ten or more, and metal enclosures by even more.
A rule knows only one number of a device, its RSSI correction: the attenuation is ``tx_power - (rssi +
rssi_correction)``, as in Exposure Notifications.
"""

from __future__ import annotations

from typing import Final

import msgspec

REFERENCE_ATTENUATION_DB: Final = 54.0
"""At 1 m: the median of 2,971 sightings at 0.8 to 1.2 m of phones on people, after the phones' published calibration
(DP-3T experiment exp34). Rules were made with this value; a corrected device measures it at 1 m."""


class Reading(msgspec.Struct, frozen=True):
    """A peer at a known distance in one orientation."""

    distance_m: float
    attenuation_db: float
    """The median of its packets."""
    packets: int


class Calibration(msgspec.Struct, frozen=True):
    """The calibration of a device, from readings. Margins are the half widths of 95 % intervals; None where unknown."""

    rssi_correction_db: float
    """Added to every RSSI."""
    margin_db: float | None = None
    decade_db: float | None = None
    """By how much the attenuation grows when the distance grows tenfold; it is 20 in free space."""
    decade_margin_db: float | None = None
    packets: int = 0
