"""A pause, and when it ends: by the clock that nobody can set, as far as possible."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from bluezone_agent.core.intervals import DAY_S, MINUTE_S

SHORTEST_S: Final = MINUTE_S
LONGEST_S: Final = 7 * DAY_S
"""A device that was forgotten in a pause resumes within a week."""


class Mode(StrEnum):
    """What is paused."""

    PAUSED = "paused"
    """Nothing is advertised and nothing is received."""
    PROTECTED = "protected"
    """The owner is behind glass or wears a mask: the agent keeps recording, but what it receives does not count."""


class Pause(msgspec.Struct, frozen=True):
    """What the owner asked for, and until when."""

    mode: Mode
    lasts_s: float
    boot_id: str
    """The boot in which the pause was requested."""
    ends_up_s: float
    """CLOCK_BOOTTIME of that boot at its end."""
    ends_at_s: float
    """Wall time at its end, by the clock at the time of the request."""
    clock_trusted: bool
    """Whether that clock was trusted."""

    def left_s(self, boot_id: str, uptime_s: float, accepted_s: float | None) -> float:
        """Return the remaining time; 0 when it is over. ``accepted_s`` is wall time, None while it is not trusted.

        Within its boot only uptime counts: setting the clock changes nothing. After a reboot only the clock can tell
        how long the device was off: the pause ends by trusted wall time, and at the latest when the device has been up
        again for the pause's full length.
        """
        if boot_id == self.boot_id:
            return max(0.0, self.ends_up_s - uptime_s)
        left_s = self.lasts_s - uptime_s
        if accepted_s is not None and self.clock_trusted:
            left_s = min(left_s, self.ends_at_s - accepted_s)
        return max(0.0, left_s)
