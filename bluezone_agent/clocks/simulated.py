"""Simulated time: an event loop that never waits, and clocks on it.

Whatever awaits ``asyncio.sleep`` or ``asyncio.timeout`` on a :class:`SimulatedTimeLoop` runs as it does in real
time, only at once: when nothing is ready, the loop's clock jumps to the next timer. Work in threads is real
work, so the clock stands still until it is done.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

T = TypeVar("T")

RESOLUTION_S: Final = 1e-6
"""Timers this close together are due together; a float still tells them apart after 100 years."""


class _JumpingSelector(selectors.DefaultSelector):
    """Polls for real I/O; where the loop would have waited, it moves the loop's clock instead."""

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
    """An event loop whose idle time passes at once; its ``time()`` starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # asyncio's own nanosecond is below a float's resolution after 97 days, and no timer would ever be due
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        """Return simulated seconds since the loop was made."""
        return self._jumping.now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run ``func`` in a thread while simulated time stands still."""
        self._jumping.real_work += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._real_work_done)
        return future

    def _real_work_done(self, _: asyncio.Future[Any]) -> None:
        self._jumping.real_work -= 1


def run_simulated(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end in simulated time, as ``asyncio.run`` does in real time."""
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


class SimulatedClock:
    """A device's clock on the running loop: the true time plus this device's own error."""

    def __init__(self, epoch_s: float, *, offset_s: float = 0.0, trusted: bool = True) -> None:
        """``epoch_s`` is the true Unix time at loop time 0; ``offset_s`` how far this device's clock is ahead."""
        self._epoch_s = epoch_s
        self.offset_s = offset_s
        self.slept_s = 0.0
        """How long this device was suspended so far: its clocks went on, its timers did not."""
        self.is_trusted = trusted

    def now_s(self) -> float:
        """Return this device's wall time, Unix seconds."""
        return self._epoch_s + self.offset_s + self.uptime_s()

    def uptime_s(self) -> float:
        """Return the loop's time and the time that this device was suspended."""
        return asyncio.get_running_loop().time() + self.slept_s

    def trusted(self) -> bool:
        """Return whether this device believes its clock."""
        return self.is_trusted

    async def sleep_until(self, unix_s: float) -> None:
        """Return when this device's wall time has reached ``unix_s``."""
        while (left_s := unix_s - self.now_s()) > 0:  # noqa: ASYNC110 - wall time can be set
            await asyncio.sleep(left_s)
