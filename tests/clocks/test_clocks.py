"""Simulated time passes at once, real work takes the time it takes; the system's clock is this machine's."""

import asyncio
import time

import pytest

from bluezone_agent.clocks import system
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.clocks.system import SystemClock


def test_a_year_of_sleep_passes_at_once_and_in_order() -> None:
    async def sleep(days: int, woken: list[int]) -> None:
        await asyncio.sleep(days * 86_400)
        woken.append(days)

    async def all_of_them() -> tuple[list[int], float]:
        woken: list[int] = []
        async with asyncio.TaskGroup() as tasks:
            for days in (365, 1, 30):
                tasks.create_task(sleep(days, woken))
        return woken, asyncio.get_running_loop().time()

    assert run_simulated(all_of_them()) == ([1, 30, 365], 365 * 86_400)


def test_time_stands_still_while_a_thread_works() -> None:
    async def work() -> tuple[float, bool]:
        ticked = asyncio.create_task(asyncio.sleep(1000))
        await asyncio.to_thread(time.sleep, 0.05)
        before = asyncio.get_running_loop().time()
        await ticked
        return before, asyncio.get_running_loop().time() >= 1000

    assert run_simulated(work()) == (0.0, True)


def test_a_timeout_still_times_out() -> None:
    async def wait() -> None:
        async with asyncio.timeout(5):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run_simulated(wait())


def test_sleeping_until_a_time_follows_a_clock_that_is_set() -> None:
    async def sleep() -> float:
        clock = SimulatedClock(1000.0)
        asyncio.get_running_loop().call_later(10, lambda: setattr(clock, "offset_s", -100.0))
        await clock.sleep_until(1060.0)
        return asyncio.get_running_loop().time()

    assert run_simulated(sleep()) == pytest.approx(160.0)


async def test_the_systems_clock_is_this_machines() -> None:
    clock = SystemClock()
    assert clock.now_s() == pytest.approx(time.time(), abs=60)
    before = clock.uptime_s()
    await clock.sleep_until(clock.now_s() + 0.01)
    assert clock.uptime_s() >= before + 0.01


def test_a_sleep_shorter_than_the_loop_can_tell_ends() -> None:
    async def sleep() -> float:
        clock = SimulatedClock(1_806_537_600.0)
        await asyncio.sleep(32_399)
        await clock.sleep_until(clock.now_s() + 1, at_most_s=4e-8)
        return clock.uptime_s()

    assert 32_399 + 4e-8 <= run_simulated(sleep()) < 32_399.001


def test_a_clock_before_this_program_was_written_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_kernel_says_synchronised", lambda: True)
    assert SystemClock().synchronised()
    monkeypatch.setattr(SystemClock, "now_s", lambda _: 0.0)
    assert not SystemClock().synchronised()
    assert not SystemClock(always_trusted=True).synchronised(), "its battery is empty"


def test_a_clock_that_nobody_synchronised_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(system, "_kernel_says_synchronised", lambda: False)
    monkeypatch.setattr(system, "TIMESYNC_DONE", tmp_path / "synchronized")  # type: ignore[operator]
    assert not SystemClock().synchronised()
    (tmp_path / "synchronized").touch()  # type: ignore[operator]
    assert SystemClock().synchronised()
