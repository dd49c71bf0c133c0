"""The arithmetic of days, intervals and minutes. All times are Unix seconds (UTC)."""

from __future__ import annotations

from typing import Final, NewType

MINUTE_S: Final = 60
DAY_S: Final = 86_400
RETENTION_DAYS: Final = 14
"""How long contacts, keys and exposures are kept."""
ENIN_S: Final = 600
"""Length of an Exposure Notification interval (GAEN cryptography specification v1.2)."""

Enin = NewType("Enin", int)
"""Exposure Notification interval number: whole 600-second intervals since the Unix epoch, a uint32."""


def enin_at(unix_s: float) -> Enin:
    """Return the interval number that contains ``unix_s``."""
    return Enin(int(unix_s // ENIN_S))


def day_start_s(unix_s: float) -> int:
    """Return the UTC midnight at or before ``unix_s``."""
    return int(unix_s // DAY_S) * DAY_S


def minute_at(unix_s: float) -> int:
    """Return the number of whole minutes since the Unix epoch at ``unix_s``."""
    return int(unix_s // MINUTE_S)
