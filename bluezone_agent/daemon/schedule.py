"""Periodic jobs of the agent: apscheduler's triggers determine the time, a worker of the TaskGroup runs the job.

apscheduler's own scheduler reads the system's wall time and starts tasks without an owner. Its triggers take the time
as an argument. Here that is uptime, counted as if boot had been in 1970: setting the clock neither stops a job nor
makes up for years in one go, and the same jobs run in simulated time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from apscheduler.triggers.interval import IntervalTrigger

from bluezone_agent.ports import Clock

Job = Callable[[], Coroutine[Any, Any, None]]

CHECK_JITTER_S: Final = 30 * 60
"""The checks of many devices spread over half an hour, so that their minutes reveal nothing and overload no server."""


async def repeat(clock: Clock, hours: int, job: Job, *, jitter_s: int = 0) -> None:
    """Run ``job`` now and every ``hours`` hours, each time up to ``jitter_s`` late; runs of a job never overlap.

    Runs that were missed while the device was suspended are made up once.
    """
    trigger = IntervalTrigger(hours=hours, start_date=_uptime(clock), timezone=UTC, jitter=jitter_s)
    fired = None
    while True:
        due = trigger.get_next_fire_time(fired, _uptime(clock))
        await clock.sleep_until(math.inf, at_most_s=due.timestamp() - clock.uptime_s())
        fired = _uptime(clock)
        await job()


def _uptime(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.uptime_s(), UTC)
