"""Coarse jobs of the agent, by uptime: a clock that is set neither stops them nor makes up for years at once."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

from bluezone_agent.ports import Clock

Job = Callable[[], Coroutine[Any, Any, None]]

CHECK_JITTER_S: Final = 30 * 60
"""Checks of many devices spread over half an hour, so that their minutes tell nothing and load nobody."""


async def repeat(clock: Clock, hours: int, job: Job, *, jitter_s: int = 0) -> None:
    """Run ``job`` now and every ``hours`` hours, each time up to ``jitter_s`` late; a job never overlaps itself."""
    wait_s = 0.0
    while True:
        await clock.sleep_until(math.inf, at_most_s=wait_s + random.uniform(0, jitter_s))  # noqa: S311 - no secret
        await job()
        wait_s = hours * 3600.0
