"""What "held near" means in decibels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

THRESHOLD_DBM: Final = -66
"""Received power of a phone at 30 cm by the air's model: -25 dBm of a phone at "low" power, less 34.5 dB, is -59.5 dBm;
less 1.8 of its deviations, 3.6 dB each (3 of the place, 2 of the phone)."""
RISE_DB: Final = 8.5
"""From 1 m, where the first of a queue stands, to 30 cm are 11.5 dB at 22 dB a decade; less two deviations of the level
(1.4 dB). A step ahead from 1.8 m to 1 m is 5.6 dB."""
MARGIN_DB: Final = 3.0
"""The next visitor at 1.1 m is 12.4 dB weaker on average, with a deviation of 5.1 dB."""
NO_PAST_DB: Final = 6.0
"""How much more than the threshold a device needs that appears from nothing."""
LEAVES_DB: Final = 4.0
"""A device has left the place in front of the reader when it is this much below the threshold."""
SETTLES_S: Final = 1.5
"""A new identifier is left alone for this long: it may be the next one of a device that has been there."""
HANDOVER_S: Final = 2.0
"""Between the last packet of an identifier and the first of the next: up to 2 s of random pause, and lost packets."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a device counts as held near."""

    threshold_dbm: int = THRESHOLD_DBM
    margin_db: float = MARGIN_DB
    """By how much it is stronger than every other device."""
    rise_db: float = RISE_DB
    """By how much it is stronger than itself a moment ago."""
