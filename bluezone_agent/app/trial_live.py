"""``trial live``: every recorder of a trial that can be reached, second by second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from bluezone_agent.app.trial_run import plan_broker
from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.trials.folder import TrialFolder
from bluezone_agent.trials.live_line import LiveTrial
from bluezone_agent.trials.monitor import fingerprint
from bluezone_agent.trials.watch import Watch


async def live(folder: Path) -> AsyncGenerator[LiveTrial, None]:
    """Yield what the recorders say, a line each second until all have ended. Close it (``aclosing``).

    Raises PlanError, TrialError if no recorder runs on this machine and the plan has no broker.
    """
    trial, loop = TrialFolder(folder), asyncio.get_running_loop()
    plan = trial.plan()
    watch = Watch(trial, plan, fingerprint(plan), SystemClock())

    def received(message: bytes) -> None:
        loop.call_soon_threadsafe(lambda: watch.receive(message, local=False))

    with plan_broker(trial, plan, received) as broker:
        watch.broker = broker
        async with aclosing(watch.lines()) as lines:
            async for line in lines:
                yield line
