"""Coarse jobs by uptime: neither a clock that is set nor a long sleep repeats or stops them."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.daemon.schedule import CHECK_JITTER_S, repeat

DAY_H = 24
NOON_S = 1_900_000_800.0


def fired_at_h(happens: Callable[[SimulatedClock], None], *, days: int = 3, jitter_s: int = 0) -> list[float]:
    """Return the uptimes, hours, at which a job of every six hours began; ``happens`` after 25 hours."""

    async def main() -> list[float]:
        clock = SimulatedClock(NOON_S)
        fired: list[float] = []

        async def job() -> None:
            fired.append(clock.uptime_s() / 3600)

        jobs = asyncio.create_task(repeat(clock, 6, job, jitter_s=jitter_s))
        await asyncio.sleep(25 * 3600)
        happens(clock)
        await asyncio.sleep((days * DAY_H - 25) * 3600)
        jobs.cancel()
        return fired

    return run_simulated(main())


def set_ahead(clock: SimulatedClock) -> None:
    """Ten years ahead."""
    clock.offset_s = 10 * 365 * 86_400


def set_back(clock: SimulatedClock) -> None:
    """Before 1970 plus a day."""
    clock.offset_s = -NOON_S + 86_400


def suspend(clock: SimulatedClock) -> None:
    """Five days without running."""
    clock.slept_s = 5 * 86_400


@pytest.mark.parametrize("happens", [set_ahead, set_back])
def test_a_clock_that_is_set_changes_nothing(happens: Callable[[SimulatedClock], None]) -> None:
    assert fired_at_h(happens) == pytest.approx([6 * n for n in range(12)])


def test_what_a_suspend_missed_is_done_once() -> None:
    fired = fired_at_h(suspend)
    before = [hour for hour in fired if hour <= 25]
    assert before == pytest.approx([0, 6, 12, 18, 24])
    after = [hour for hour in fired if hour > 25]
    assert after[0] >= 25 + 5 * DAY_H  # it could not run before
    assert all(later - earlier == pytest.approx(6) for earlier, later in pairwise(after))


def test_each_time_is_late_by_less_than_the_jitter_and_not_always_by_the_same() -> None:
    fired = fired_at_h(lambda _: None, days=30, jitter_s=CHECK_JITTER_S)
    late_h = [fired[0], *(later - earlier - 6 for earlier, later in pairwise(fired))]
    assert all(-1e-6 <= late <= CHECK_JITTER_S / 3600 for late in late_h)
    assert max(late_h) - min(late_h) > 0.1
