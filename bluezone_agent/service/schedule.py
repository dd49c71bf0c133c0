"""Coarse jobs on the agent's own clock: apscheduler's triggers say when, a worker of the TaskGroup does it.

apscheduler's own scheduler would read the system's clock and start tasks that nobody owns; its triggers take
the time as an argument, so the same jobs run in simulated time.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from bluezone_agent.ports import Clock

Job = Callable[[], Coroutine[Any, Any, None]]

CHECK_JITTER_S: Final = 30 * 60
"""Checks of many devices spread over half an hour, so that their minutes tell nothing and load nobody."""


async def repeat(clock: Clock, hours: int, job: Job, *, jitter_s: int = 0) -> None:
    """Run ``job`` now and every ``hours`` hours, each time up to ``jitter_s`` late; a job never overlaps itself."""
    from apscheduler.triggers.interval import IntervalTrigger  # noqa: PLC0415 - not needed to start broadcasting

    trigger = IntervalTrigger(hours=hours, start_date=_at(clock), timezone=UTC, jitter=jitter_s)
    fired = None
    while True:
        fired = trigger.get_next_fire_time(fired, _at(clock))
        await clock.sleep_until(fired.timestamp())
        await job()


def _at(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now_s(), UTC)
