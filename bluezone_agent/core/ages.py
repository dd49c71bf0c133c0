"""How old something is, on a device whose clock may be set at any time.

A time in the future is *unknown*, never recent: the clock has been set back since, and nobody can tell by how much. So
an unknown age counts as older than every limit, which it may be, and a clock that jumps never hides a problem.
"""

from __future__ import annotations

import math


def is_known(now_s: float, time_s: float | None) -> bool:
    """Return whether ``time_s`` is a known time: not None, which means never, and not in the future."""
    return time_s is not None and time_s <= now_s


def age_s(now_s: float, *times_s: float | None) -> float | None:
    """Return how long before ``now_s`` the latest of these times was; never negative.

    A time in the future is ignored where another one is known; if there is no other, the age is infinite. The result is
    None if there is no time at all: it never happened.
    """
    ages = [now_s - time_s if is_known(now_s, time_s) else math.inf for time_s in times_s if time_s is not None]
    return min(ages, default=None)
