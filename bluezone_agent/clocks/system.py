"""The system's clock."""

from __future__ import annotations

import asyncio
import math
import os
import time
from functools import cached_property
from pathlib import Path
from typing import Final

from bluezone_agent.clocks.kernel_clock import kernel_clock

LONGEST_NAP_S: Final = 20
"""``asyncio`` timers stop while the device is suspended and do not notice when the clock is set: look again this
often."""

TIMESYNC_DONE: Final = Path("/run/systemd/timesync/synchronized")
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
BOOT_ID_REPORTED: Final = "BLUEZONE_BOOT_ID"
"""Set by the systemd units, whose sandbox hides the kernel's file."""
BUILT_AT_S: Final = 1_790_000_000
"""Late September 2026: a clock that shows an earlier time is wrong."""


class SystemClock:
    """Wall time and CLOCK_BOOTTIME of this machine."""

    def __init__(self, *, always_trusted: bool = False) -> None:
        """``always_trusted`` is the operator's statement that a battery-backed clock keeps the time."""
        self._always_trusted = always_trusted

    def now_s(self) -> float:
        """Return wall time, Unix seconds."""
        return time.time()

    def uptime_s(self) -> float:
        """Return CLOCK_BOOTTIME, seconds."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    @cached_property
    def boot_id(self) -> str:
        """The kernel's random id of this boot, in hex."""
        return (os.environ.get(BOOT_ID_REPORTED) or BOOT_ID.read_text("ascii").strip()).replace("-", "")

    def utc_offset_s(self, unix_s: float) -> int:
        """Return how far this device's time zone is ahead of UTC at ``unix_s``, seconds; 0 where it is unknown."""
        return system_utc_offset_s(unix_s)

    def synchronised(self) -> bool:
        """Return whether a time server has set the clock since boot, or the operator vouches for it."""
        if self.now_s() < BUILT_AT_S:
            return False
        return self._always_trusted or TIMESYNC_DONE.exists() or _kernel_says_synchronised()

    async def sleep_until(self, unix_s: float, *, at_most_s: float = math.inf) -> None:
        """Return when wall time has reached ``unix_s`` or uptime has advanced by ``at_most_s``.

        It returns at most 20 s late after a clock step or a suspend.
        """
        until_up_s = self.uptime_s() + at_most_s
        while (left_s := min(unix_s - self.now_s(), until_up_s - self.uptime_s())) > 0:  # noqa: ASYNC110 - can be set
            await asyncio.sleep(min(left_s, LONGEST_NAP_S))


def system_utc_offset_s(unix_s: float) -> int:
    """Return how far the system's time zone is ahead of UTC at ``unix_s``, seconds; 0 where it is unknown."""
    time.tzset()  # the zone may have been set since this process started
    try:
        return time.localtime(unix_s).tm_gmtoff
    except (OverflowError, ValueError, OSError):
        return 0


def _kernel_says_synchronised() -> bool:
    """Return what the kernel says of its clock; a sandbox that refuses to tell counts as "no"."""
    kernel = kernel_clock()
    return kernel is not None and kernel.synchronised
