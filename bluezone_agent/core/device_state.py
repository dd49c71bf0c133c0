"""What a home's controller learns of the device: health, times and counts, and exposures only if its owner wants it."""

from __future__ import annotations

import msgspec


class DeviceState(msgspec.Struct, frozen=True):
    """The state at one moment; times are RFC 3339, None for never or unknown."""

    problem: bool
    """Whether something is wrong; undelivered notices are left out, because they may be warnings."""
    paused: bool
    scanned_at: str | None
    stored_at: str | None
    checked_at: str | None
    """The last complete check."""
    contact_minutes: int
    """Minutes of the last 24 hours in which any device was received."""
    sources: int
    exposure: str | None = None
    """health.knowledge.Answer; None unless the owner switched it on."""
