"""The clock policy in the agent that lives by it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from bluezone_agent.app.agent_state import read_health
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.clock_state import STABLE_S, ClockState, ClockTimeline, DistrustReason
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, minute_at
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.trusted_clock import KEPT_EVERY_S, TrustedClock
from bluezone_agent.health.health import Problem
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio, numbered_bytes
from tests.faults import numbered

NOON_S = 1_806_580_800.0
YEAR_2038_S = 2_147_483_000.0


class Bench:
    """An agent whose clock the test sets."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SimulatedClock(NOON_S)
        self.received: dict[int, float] = {}
        self.draw = numbered_bytes()

    async def live(self, life: Callable[[SteeredRadio], Awaitable[None]]) -> None:
        radio, stop = SteeredRadio(self.clock), asyncio.Event()
        agent = Agent(self.store, radio, self.clock, PROTOCOLS["gaen"], -12, None, random_bytes=self.draw)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(agent.run(stop))
            await asyncio.sleep(1)
            await life(radio)
            stop.set()
            await running

    async def meet(self, radio: SteeredRadio, people: int) -> None:
        """Hear somebody new every minute."""
        for _ in range(people):
            self.received[len(self.received)] = NOON_S + asyncio.get_running_loop().time()
            radio.receive(numbered.advertising_data(len(self.received) - 1), -60)
            await asyncio.sleep(60)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path) as store, StateLock(tmp_path):
        yield Bench(store)


def test_what_is_heard_before_the_first_synchronisation_is_dated_by_it(bench: Bench) -> None:
    """A device without a battery starts in 1970, or where it was shut down, and is set right an hour later."""

    async def life(radio: SteeredRadio) -> None:
        await bench.meet(radio, 30)
        bench.clock.offset_s += 1000  # somebody sets it by hand, wrong
        await bench.meet(radio, 30)
        assert Problem.CLOCK_NOT_TRUSTED in read_health(bench.store, bench.clock.now_s()).problems
        bench.clock.is_synchronised, bench.clock.offset_s = True, 0.0
        await bench.meet(radio, 3)
        assert Problem.CLOCK_NOT_TRUSTED not in read_health(bench.store, bench.clock.now_s()).problems

    async def boot_without_a_battery() -> None:
        bench.clock.is_synchronised, bench.clock.offset_s = False, -NOON_S + 100.0
        await bench.live(life)

    run_simulated(boot_without_a_battery())
    kept = {numbered_person(m.observed.identifier): m for m in bench.store.contacts.minutes_since(0)}
    assert len(kept) == len(bench.received)
    for number, received_s in bench.received.items():
        assert kept[number].trusted
        assert abs(kept[number].minute - minute_at(received_s)) <= 1
    assert bench.store._db.execute("SELECT count(*) FROM undated").fetchone()[0] == 0


def test_the_minute_that_is_open_when_the_time_becomes_known_is_dated_too(bench: Bench) -> None:
    async def life(radio: SteeredRadio) -> None:
        bench.clock.offset_s += 60.2 - bench.clock.now_s() % 60
        radio.receive(
            numbered.advertising_data(0), -60
        )  # the first second of a minute, before the one before is committed
        bench.clock.is_synchronised = True
        await asyncio.sleep(200)

    async def boot() -> None:
        bench.clock.is_synchronised = False
        await bench.live(life)

    run_simulated(boot())
    assert [m.trusted for m in bench.store.contacts.minutes_since(0)] == [True]


def test_what_a_former_boot_heard_stays_undated_and_is_kept_for_14_days(bench: Bench) -> None:
    async def twice() -> None:
        bench.clock.is_synchronised, bench.clock.offset_s = False, -NOON_S + 100.0
        await bench.live(lambda radio: bench.meet(radio, 5))
        bench.clock.boot()
        bench.clock.is_synchronised, bench.clock.offset_s = True, 0.0
        await bench.live(lambda radio: bench.meet(radio, 5))

    run_simulated(twice())
    minutes = bench.store.contacts.minutes_since(0)
    assert [m.trusted for m in minutes] == [False] * 5 + [True] * 5
    bench.store.expire(NOON_S + 13 * DAY_S)
    assert len(bench.store.contacts.minutes_since(0)) == 10
    bench.store.expire(NOON_S + 15 * DAY_S)
    assert bench.store.contacts.minutes_since(0) == []


def numbered_person(identifier: bytes) -> int:
    return int.from_bytes(identifier[1:], "big")


def test_a_throw_away_key_is_on_the_air_while_time_is_unknown_and_leaves_no_trace(bench: Bench) -> None:
    keys_meanwhile = []

    async def life(_: SteeredRadio) -> None:
        await asyncio.sleep(3000)
        keys_meanwhile.extend(bench.store.keys.all())
        bench.clock.is_synchronised = True
        await asyncio.sleep(1200)

    async def boot() -> None:
        bench.clock.is_synchronised = False
        await bench.live(life)

    run_simulated(boot())
    assert [own.exportable for own in keys_meanwhile] == [False]
    assert [own.exportable for own in bench.store.keys.all()] == [True]


def test_a_key_of_a_future_that_is_none_is_destroyed(bench: Bench) -> None:
    start_s = int(NOON_S) // DAY_S * DAY_S
    made = {
        days: DailyKey("gaen", bytes([days % 250]) * 16, start_s + days * DAY_S, start_s + (days + 1) * DAY_S, 144)
        for days in (1, 2, 300)
    }
    with bench.store.transaction():
        for key in [*made.values(), replace_days(made[1], -2)]:
            bench.store.keys.add(key, last_slot_s=key.starts_at_s, exportable=True, closed=True)
    run_simulated(bench.live(lambda _: asyncio.sleep(130)))
    assert [own.key.starts_at_s for own in bench.store.keys.all()] == [start_s - DAY_S, start_s]


def test_a_key_of_the_future_is_destroyed_whenever_time_becomes_known_again(bench: Bench) -> None:
    start_s = int(NOON_S) // DAY_S * DAY_S + 40 * DAY_S

    async def life(_: SteeredRadio) -> None:
        await asyncio.sleep(130)
        bench.clock.offset_s -= DAY_S
        await asyncio.sleep(130)
        key = DailyKey("gaen", b"\x01" * 16, start_s, start_s + DAY_S, 144)
        with bench.store.transaction():
            bench.store.keys.add(key, last_slot_s=start_s, exportable=True, closed=True)
        await asyncio.sleep(130)
        assert start_s in starts(bench.store), "nothing is deleted by a time that is not trusted"
        bench.clock.offset_s += DAY_S
        await asyncio.sleep(130)

    run_simulated(bench.live(life))
    assert start_s not in starts(bench.store)


def starts(store: Store) -> set[int]:
    return {own.key.starts_at_s for own in store.keys.all()}


def replace_days(key: DailyKey, days: int) -> DailyKey:
    return key._replace(
        data=b"\xff" * 16, starts_at_s=key.starts_at_s + days * DAY_S, ends_at_s=key.ends_at_s + days * DAY_S
    )


def test_the_high_water_mark_outlives_a_kill(bench: Bench) -> None:
    async def live_and_boot() -> None:
        await bench.live(lambda _: asyncio.sleep(5 * 3600))
        bench.clock.boot()
        bench.clock.offset_s -= 3 * 3600  # back by more than the tolerance
        assert TrustedClock(bench.clock, bench.store).look().distrust_reason is DistrustReason.WENT_BACK
        bench.clock.offset_s += 3600 + KEPT_EVERY_S
        assert TrustedClock(bench.clock, bench.store).look().trusted

    run_simulated(live_and_boot())
    timeline = bench.store.timelines.clock_state().timeline
    assert timeline is not None
    assert NOON_S + 5 * 3600 - KEPT_EVERY_S - 120 <= timeline.high_water_s <= NOON_S + 5 * 3600 + 120


def test_2038_for_an_hour_stretches_no_span_and_wipes_nothing(bench: Bench) -> None:
    async def life(radio: SteeredRadio) -> None:
        await bench.meet(radio, 5)
        bench.clock.offset_s = YEAR_2038_S - NOON_S
        await asyncio.sleep(3 * 3600)
        bench.clock.offset_s = 0.0
        await bench.meet(radio, 5)

    with bench.store.transaction():
        bench.store.timelines.keep(ClockState(ClockTimeline("boot 0", NOON_S, 0.0, NOON_S, STABLE_S)))
    run_simulated(bench.live(life))
    assert numbered.numbers(bench.store) == list(range(10))
    spans = [s for s in bench.store.listening.since(0) if s.ends_at_s < YEAR_2038_S - DAY_S]
    listened_s = sum(s.ends_at_s - s.starts_at_s for s in spans)
    assert 500 <= listened_s <= 900, "the time before and after"
    last_s = bench.store.listening.last_well_s()
    assert last_s is not None
    assert last_s < NOON_S + DAY_S


def test_jobs_go_by_uptime_and_a_jump_does_not_make_up_for_years(bench: Bench) -> None:
    checks: list[float] = []

    async def check() -> None:
        checks.append(asyncio.get_running_loop().time())

    async def life() -> None:
        stop, radio = asyncio.Event(), SteeredRadio(bench.clock)
        agent = Agent(bench.store, radio, bench.clock, PROTOCOLS["gaen"], -12, check, random_bytes=bench.draw)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(replace(agent, check_every_hours=1).run(stop))
            await asyncio.sleep(3600)
            bench.clock.offset_s = YEAR_2038_S - NOON_S
            await asyncio.sleep(3600)
            bench.clock.offset_s = -NOON_S + 10
            await asyncio.sleep(6 * 3600)
            stop.set()
            await running

    run_simulated(life())
    assert 5 <= len(checks) <= 9
    assert max(b - a for a, b in pairwise(checks)) <= 3600 * 1.5
