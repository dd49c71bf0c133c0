"""A pause, and when it is over: by the clock that nobody can set, as far as that goes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from bluezone_agent.core.intervals import DAY_S, MINUTE_S

SHORTEST_S: Final = MINUTE_S
LONGEST_S: Final = 7 * DAY_S
"""A device that is forgotten in a pause comes back within a week."""


class Mode(StrEnum):
    """What is paused."""

    PAUSED = "paused"
    """Nothing is broadcast and nobody is heard."""
    PROTECTED = "protected"
    """The owner is behind glass or wears a mask: all goes on, and what is heard does not count."""


class Pause(msgspec.Struct, frozen=True):
    """What the owner asked for, and until when."""

    mode: Mode
    lasts_s: float
    boot_id: str
    """Of the boot in which it was asked for."""
    ends_up_s: float
    """CLOCK_BOOTTIME of that boot at its end."""
    ends_at_s: float
    """Wall time at its end, as the clock was when it was asked for."""
    clock_trusted: bool
    """Whether that clock was believed."""

    def left_s(self, boot_id: str, uptime_s: float, accepted_s: float | None) -> float:
        """Return for how long it goes on; 0 when it is over. ``accepted_s`` is wall time, None while not believed.

        Within its boot uptime alone counts: a clock that is set changes nothing. After a reboot nobody knows how long
        the device was off but the clock: it is over by believed wall time, and at the latest when the device has been
        up again for the whole of its length.
        """
        if boot_id == self.boot_id:
            return max(0.0, self.ends_up_s - uptime_s)
        left_s = self.lasts_s - uptime_s
        if accepted_s is not None and self.clock_trusted:
            left_s = min(left_s, self.ends_at_s - accepted_s)
        return max(0.0, left_s)
