"""Whatever happens to a device's clock: random scripts, played to the whole agent.

A script sets the clock, boots, suspends, synchronises and lies. Afterwards no identifier was on the air in two periods,
no key of now or later was exported, nothing that was heard is missing, what is dated is dated right, and the fortnight
before is still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Final

import pytest

from bluezone_agent.actions import export_keys
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.clock_state import STABLE_S, TOLERANCE_S, ClockState, ClockTimeline
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, minute_at
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.core.sightings import MinuteFold
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.rotation import SLEW_S
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.store import Store
from tests.fakes import SteeredRadio, numbered_bytes
from tests.faults import numbered

pytestmark = pytest.mark.slow

NOON_S: Final = 1_806_580_800.0
"""2027-04-01 12:00 UTC."""
PAST_DAYS: Final = 12
HOUR_S: Final = 3600.0
YEAR_2038_S: Final = 2_147_483_000.0
LONGEST_STEP_S: Final = 11 * HOUR_S
"""A suspension and what is heard before and after it."""


@dataclass
class Activity:
    """One device through one script, and the truth about it."""

    seed: int
    store: Store
    received: dict[bytes, float] = field(default_factory=dict)
    """Identifier → when it was truly heard."""
    exported: list[tuple[float, DailyKey]] = field(default_factory=list)
    on_air: list[tuple[float, bytes]] = field(default_factory=list)
    periods: list[float] = field(default_factory=list)
    """How long identifiers were on the air, by uptime."""
    undated: int = 0
    final_s: float = 0.0
    last_boot_s: float = 0.0
    right_s: float = NOON_S
    """When nobody vouched for a wrong time last."""

    clock: SimulatedClock = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.protocol = PROTOCOLS[self.random.choice(sorted(PROTOCOLS))]
        self.draw = numbered_bytes()

    def true_s(self) -> float:
        return NOON_S + asyncio.get_running_loop().time() + self.clock.slept_s

    async def play(self) -> None:
        self.clock = SimulatedClock(NOON_S)
        self._live_a_fortnight()
        steps: list[Callable[[], None]] = [
            self._jump,
            self._jump,
            self._to_1970,
            self._to_2038,
            self._slip,
            self._suspend,
            self._synchronise,
            self._synchronise,
            self._lose_the_server,
            self._export,
            self._export,
        ]
        while self.true_s() < NOON_S + 16 * HOUR_S:
            await self._run(self.random.choice(steps), boots=self.random.random() < 0.4)
        self._synchronise()
        await self._run(self._synchronise, boots=False)
        self.final_s = self.true_s()

    async def _run(self, step: Callable[[], None], *, boots: bool) -> None:
        """Let the agent live through one or several steps, then stop it; the device boots, or the agent alone."""
        radio, stop = _Radio(self), asyncio.Event()
        agent = Agent(self.store, radio, self.clock, self.protocol, -12, None, random_bytes=self.draw)
        if boots:
            self._reboot()

        async def live() -> None:
            await asyncio.sleep(1)
            for _ in range(self.random.randint(1, 3)):
                await self._receive_for(radio, self.random.choice([20, 90, 600, 3000, 9000]))
                (self._synchronise if self._lies_long() else step)()
            await self._receive_for(radio, 150)
            stop.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live())
            await agent.run(stop)
        self.periods += [
            after - before for before, after in pairwise([*radio.changes_s, asyncio.get_running_loop().time()])
        ]

    async def _receive_for(self, radio: SteeredRadio, seconds: float) -> None:
        end_s = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end_s:
            if radio.listens:
                number = len(self.received)
                self.received[numbered.identifier(number)] = self.true_s()
                radio.receive(numbered.advertising_data(number), -60)
            await asyncio.sleep(self.random.choice([7, 50, 61, 400]))

    # what happens to clocks

    def _jump(self) -> None:
        size_s: float = self.random.choice(
            [5, 70, 700, 3600, 7000, 7300, 20_000, DAY_S, 3 * DAY_S, 13 * DAY_S, 400 * DAY_S]
        )
        size_s *= self.random.choice([-1, 1]) * self.random.uniform(0.5, 1)
        self.clock.offset_s += max(size_s, -self.clock.now_s())  # Linux knows no time before 1970

    def _to_1970(self) -> None:
        self.clock.offset_s -= self.clock.now_s() - self.random.uniform(0, DAY_S)
        self.clock.is_synchronised = (
            False  # the system's clock believes nobody who vouches for a time before its making
        )

    def _to_2038(self) -> None:
        self.clock.offset_s += YEAR_2038_S - self.clock.now_s()

    def _slip(self) -> None:
        self.clock.offset_s -= min(self.random.uniform(0, 900), self.clock.now_s())

    def _suspend(self) -> None:
        self.clock.slept_s += self.random.choice([10, 600, 8 * HOUR_S])

    def _synchronise(self) -> None:
        self.clock.is_synchronised, self.clock.offset_s = True, self.random.uniform(-1, 1)

    def _lose_the_server(self) -> None:
        self.clock.is_synchronised = False

    def _lies_long(self) -> bool:
        """Whether somebody vouches for a wrong time so long that after one more step the agent would, and should."""
        if abs(self.clock.offset_s) <= TOLERANCE_S or not self.clock.is_synchronised:
            self.right_s = self.true_s()
        return self.true_s() > self.right_s + STABLE_S - LONGEST_STEP_S

    def _reboot(self) -> None:
        """Without a battery the clock is what it was at the last shutdown, or 1970; with one it may be anything."""
        self.clock.boot()
        self.last_boot_s = self.true_s()
        self.clock.is_synchronised = False
        self.random.choice([lambda: None, self._jump, self._to_1970])()

    def _export(self) -> None:
        now_s = self.clock.now_s()
        self.exported += [(self.true_s(), key) for key in export_keys.exportable(self.store, 14, now_s)]

    def _live_a_fortnight(self) -> None:
        """What the device has kept of its well days."""
        fold = MinuteFold()
        with self.store.transaction():
            for days_ago in range(PAST_DAYS, 0, -1):
                at_s = NOON_S - days_ago * DAY_S
                observed = decode(numbered.advertising_data(days_ago, b"\x02"))
                assert observed is not None
                fold.add(observed, -60, at_s, trusted=True)
                start_s = int(at_s) // DAY_S * DAY_S
                key = DailyKey("gaen", self.draw(16), start_s, start_s + DAY_S, 144)
                self.store.keys.add(key, last_slot_s=start_s + DAY_S - 600, exportable=True, closed=True)
            self.store.contacts.add(fold.drain())
            known = ClockTimeline("boot 0", NOON_S, 0.0, NOON_S, steady_s=STABLE_S)
            self.store.timelines.keep(ClockState(known))


class _Radio(SteeredRadio):
    """It tells the life what truly goes on the air."""

    def __init__(self, life: Activity) -> None:
        super().__init__(life.clock)
        self.life = life
        self.changes_s: list[float] = []

    async def withdraw(self) -> None:
        if self.on_air is not None:
            self.changes_s.append(asyncio.get_running_loop().time())
        await super().withdraw()

    async def prepare(self, valid_s: float) -> int | None:
        return None

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        await super().advertise(advertising_data)
        observed = decode(advertising_data)
        assert observed is not None
        self.life.on_air.append((self.life.true_s(), observed.identifier))
        self.changes_s.append(asyncio.get_running_loop().time())


def lived(seed: int) -> Activity:
    with scratch_folder() as folder, Store(folder) as store:
        life = Activity(seed, store)
        run_simulated(life.play())
        judge(life)
        return life


def judge(life: Activity) -> None:
    identifiers = [identifier for _, identifier in life.on_air]
    assert len(set(identifiers)) == len(identifiers), "an identifier was on the air in two periods"
    slot_s = DAY_S // life.protocol.slots_per_day
    assert max(life.periods) <= slot_s + SLEW_S + 1, "an identifier outlived its slot"
    for at_s, key in life.exported:
        its = {slot.identifier for slot in PROTOCOLS[key.protocol].slots(key)}
        first_later = [identifier for on_air_s, identifier in life.on_air if on_air_s > at_s]
        current = [identifier for on_air_s, identifier in life.on_air if on_air_s <= at_s][-1:]
        assert not its & {*first_later, *current}, "a key of now or later was exported"
        assert key.starts_at_s <= at_s + TOLERANCE_S, "a key of the future was exported"
    rows: dict[bytes, list[tuple[int, bool]]] = {}
    for m in life.store.contacts.minutes_since(-(10**9)):
        rows.setdefault(m.observed.identifier, []).append((m.minute, m.trusted))
    lost = [number for number in life.received if number not in rows]
    assert not lost, f"{len(lost)} of {len(life.received)} contacts lost"
    for identifier, received_s in life.received.items():
        ((minute, trusted),) = rows[identifier]
        if received_s > life.last_boot_s:
            assert trusted, "the last boot ends synchronised: everything heard in it is dated"
        if trusted:
            assert abs(minute - minute_at(received_s)) <= TOLERANCE_S // 60 + 1, "dated wrong"
        else:
            life.undated += 1
    for days_ago in range(1, PAST_DAYS + 1):
        assert numbered.identifier(days_ago, b"\x02") in rows, f"the contact of {days_ago} days ago was wiped"
    old = [own for own in life.store.keys.all() if own.key.ends_at_s <= NOON_S - DAY_S / 2]
    assert len(old) == PAST_DAYS, "keys of the fortnight were wiped"
    assert all(own.key.starts_at_s <= life.final_s + TOLERANCE_S for own in life.store.keys.all())


@pytest.mark.timeout(3600)
def test_random_scripts(long: bool) -> None:
    lives = [lived(seed) for seed in range(1000 if long else 50)]
    received = sum(len(life.received) for life in lives)
    print(f"{len(lives)} scripts, {received} contacts, {sum(len(life.exported) for life in lives)} exported keys")
    assert 0.1 * received < sum(life.undated for life in lives) < 0.9 * received, (
        "scripts that doubt nothing show nothing"
    )
    assert sum(len(life.exported) for life in lives) > len(lives), "exports were tried"
