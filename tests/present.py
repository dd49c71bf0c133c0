"""The present, for tests of commands that look at the real clock.

A test asks when it runs: a module is imported up to an hour before its tests.
"""

from __future__ import annotations

import time

from bluezone_agent.core.intervals import day_start_s


def now_s() -> int:
    """Return the Unix time."""
    return int(time.time())


def now_min() -> int:
    """Return the number of the present minute."""
    return now_s() // 60


def today_s() -> int:
    """Return the last UTC midnight, Unix seconds."""
    return day_start_s(now_s())
