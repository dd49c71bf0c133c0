"""What this process costs its device: CPU, wakeups and bytes written, from getrusage(2)."""

from __future__ import annotations

import resource
from typing import Final

from bluezone_agent.core.journal import Used
from bluezone_agent.ports import Clock

BLOCK_BYTES: Final = 512
"""The unit of ru_oublock under Linux."""


class OwnUsage:
    """Counts from its creation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_up_s = clock.uptime_s()

    def now(self, wall_s: float) -> Used:
        """Return what was used until ``wall_s``, which is now."""
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return Used(
            int(wall_s),
            running_s=round(self._clock.uptime_s() - self._started_up_s, 1),
            cpu_s=round(own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime, 2),
            wakeups=own.ru_nvcsw + children.ru_nvcsw,
            written_bytes=(own.ru_oublock + children.ru_oublock) * BLOCK_BYTES,
        )
