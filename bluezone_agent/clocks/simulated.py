"""Simulated time: an event loop that never waits, and clocks on it.

Code that awaits ``asyncio.sleep`` or ``asyncio.timeout`` on a :class:`SimulatedTimeLoop` behaves as in real time, but
without waiting: when nothing is ready, the loop's clock jumps to the next timer. Work in threads takes real time, so
the clock stops until it is done.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, TypeVar

T = TypeVar("T")

RESOLUTION_S: Final = 1e-6
"""Timers this close together are due together; a float still distinguishes them after 100 years."""


class _JumpingSelector(selectors.DefaultSelector):
    """Polls for real I/O; where the loop would wait, it advances the loop's clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.real_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.real_work or timeout is None:
            return super().select(None)
        self.now_s += timeout
        return []


class SimulatedTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose idle time passes instantly; its ``time()`` starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # asyncio's own nanosecond is below a float's resolution after 97 days, and timers would never become due
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        """Return simulated seconds since the loop was made."""
        return self._jumping.now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run ``func`` in a thread while simulated time is stopped."""
        self._jumping.real_work += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._real_work_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Join the threads while simulated time is stopped, so that ``timeout`` (as of Python 3.12) never expires."""
        self._jumping.real_work += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._jumping.real_work -= 1

    def _real_work_done(self, _: asyncio.Future[Any]) -> None:
        self._jumping.real_work -= 1


def run_simulated(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to completion in simulated time, as ``asyncio.run`` does in real time."""
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


class SimulatedClock:
    """A device's clock on the running loop: the true time plus this device's own error.

    It simulates everything that can happen to a device's clock: it can be set, synchronised, suspended and rebooted.
    """

    def __init__(self, epoch_s: float, *, offset_s: float = 0.0, synchronised: bool = True) -> None:
        """``epoch_s`` is the true Unix time at loop time 0; ``offset_s`` how far this device's clock is ahead."""
        self._epoch_s = epoch_s
        self._offset_s = offset_s
        self._sleepers: set[asyncio.Future[None]] = set()
        self._booted_s = 0.0
        self._boots = 0
        self.slept_s = 0.0
        """How long this device has been suspended so far: its clocks continued, its timers did not."""
        self.is_synchronised = synchronised
        self.zone: tzinfo = UTC
        """This device's time zone."""

    @property
    def offset_s(self) -> float:
        """How far wall time is ahead of the true time; assigning it sets the clock and wakes sleepers to look again."""
        return self._offset_s

    @offset_s.setter
    def offset_s(self, offset_s: float) -> None:
        self._offset_s = offset_s
        for sleeper in self._sleepers:
            _wake(sleeper)

    def now_s(self) -> float:
        """Return this device's wall time, Unix seconds."""
        return self._epoch_s + self._offset_s + self._running_s()

    def uptime_s(self) -> float:
        """Return the time since the last boot, including time spent suspended."""
        return self._running_s() - self._booted_s

    @property
    def boot_id(self) -> str:
        """The number of boots before this one."""
        return f"boot {self._boots}"

    def boot(self) -> None:
        """Start another boot; users of the clock must have ended before."""
        self._boots += 1
        self._booted_s = self._running_s()

    def utc_offset_s(self, unix_s: float) -> int:
        """Return how far this device's zone is ahead of UTC at ``unix_s``, seconds."""
        offset = datetime.fromtimestamp(unix_s, UTC).astimezone(self.zone).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())

    def synchronised(self) -> bool:
        """Return whether this device's wall time is synchronised."""
        return self.is_synchronised

    async def sleep_until(self, unix_s: float, *, at_most_s: float = math.inf) -> None:
        """Return when this device's wall time has reached ``unix_s``, or uptime has advanced by ``at_most_s``."""
        until_s = self._running_s() + at_most_s
        while (left_s := min(unix_s - self.now_s(), until_s - self._running_s())) > 0:
            loop = asyncio.get_running_loop()
            sleeper: asyncio.Future[None] = loop.create_future()
            # timers within the resolution are due immediately: otherwise time would stop at a moment before
            alarm = loop.call_later(max(left_s, 2 * RESOLUTION_S), _wake, sleeper)
            self._sleepers.add(sleeper)
            try:
                await sleeper
            finally:
                alarm.cancel()
                self._sleepers.discard(sleeper)

    def _running_s(self) -> float:
        return asyncio.get_running_loop().time() + self.slept_s


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
