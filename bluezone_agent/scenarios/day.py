"""The demo: the real agents of six people, on one simulated air and in simulated time."""

from __future__ import annotations

import asyncio
import random as global_random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final
from unicodedata import normalize

from bluezone_agent.actions import export_keys
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.clocks.system import system_utc_offset_s
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.exposure import DayExposure, day_exposures
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.person_equivalents import PersonCount
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.exposure_check.check import Check
from bluezone_agent.radios.simulated.air import Air
from bluezone_agent.scenarios.cast import CASE, CAST, DAY_START_S, Person, close_contacts, motion, near_minutes
from bluezone_agent.scenarios.publisher import Publisher
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.store import StateLock, Store

STATED_TX_POWER_DBM: Final = -12
PACKET_EVERY_S: Final = 11.0
"""A chip with a strict duplicate filter reports a peer this often (measured with BlueZ, docs/bluez.md)."""
DEVICE_DEVIATION_DB: Final = 2.0
"""The deviation of a device's power from the stated one, and of its receiver."""
CLOCK_DEVIATION_S: Final = 20.0
PUBLISHED_AT_S: Final = DAY_START_S + DAY_S + 2 * 3600
"""The next morning at 09:00: An's test is positive."""
ENDS_AT_S: Final = PUBLISHED_AT_S + 6 * 3600
"""All devices check every 4 hours, up to half an hour late."""
LEFT_AFTER_S: Final = 300
"""How long after the day a device is left, so that its last minutes are stored and its keys have expired."""
NOBODY: Final = PersonCount()
LOCAL_CALENDAR: Final = Calendar(fallback=system_utc_offset_s)
"""The six people live in the time zone of the machine that simulates them."""


@dataclass(frozen=True, slots=True)
class PersonVerdict:
    """What one agent reported to its owner, compared with the truth."""

    person: Person
    near: tuple[int, ...]
    """The minutes (since the Unix epoch) truly spent within 2 m of the case."""
    should_warn: bool
    warned_at_s: int | None
    days: tuple[DayExposure, ...]
    received: dict[str, tuple[int, ...]]
    """Name of another person → the minutes (since the Unix epoch) in which this device received that one's."""
    counted: PersonCount = NOBODY
    """What this device makes of that without knowing whose identifiers they were."""

    @property
    def true_near_minutes(self) -> int:
        """How many minutes were truly spent within 2 m of the case."""
        return len(self.near)

    @property
    def right(self) -> bool:
        """Whether the owner was warned if and only if that was right."""
        return self.should_warn == (self.warned_at_s is not None)


@dataclass(frozen=True, slots=True)
class Day:
    """The result of the day."""

    seed: int
    protocol: str
    """What the case's device advertises."""
    keys_published: int
    verdicts: tuple[PersonVerdict, ...]
    starts_at_s: int = DAY_START_S
    ends_at_s: int = DAY_START_S + DAY_S
    published_at_s: int = PUBLISHED_AT_S
    calendar: Calendar = LOCAL_CALENDAR

    @property
    def case(self) -> Person:
        """Who fell ill."""
        return next(v.person for v in self.verdicts if v.person.name == CASE)

    @property
    def others(self) -> tuple[PersonVerdict, ...]:
        """The verdicts of the others."""
        return tuple(v for v in self.verdicts if v.person.name != CASE)

    @property
    def right(self) -> bool:
        """Whether exactly those were warned who were within 2 m for 15 minutes."""
        return all(v.right for v in self.verdicts)


def simulate(seed: int, protocol: str) -> Day:
    """Simulate the day; the same ``seed`` gives the same day. ``protocol`` is what the case's device advertises."""
    with scratch_folder() as folder, _world(seed, protocol, folder) as world:
        return run_simulated(world.live(protocol))


def leave_devices(folder: Path, seed: int, protocol: str, now_s: float) -> list[LeftDevice]:
    """Simulate the same day as if it were yesterday, and leave each person's device in ``folder``, a new one.

    Nobody has tested positive yet; a person continues with the commands. The day is the last UTC day that
    ended at least :data:`LEFT_AFTER_S` before Unix second ``now_s``.
    """
    ends_at_s = int(now_s - LEFT_AFTER_S) // DAY_S * DAY_S
    with _world(seed, protocol, folder, ends_at_s - DAY_S - DAY_START_S) as world:
        run_simulated(world.pass_by())
        return [LeftDevice(p, _folder_name(p)) for p in world.cast]


def _folder_name(person: Person) -> str:
    """Return the name without accents: ``Dũng`` → ``dung``."""
    return normalize("NFD", person.name).encode("ascii", "ignore").decode().lower()


@contextmanager
def _world(seed: int, protocol: str, folder: Path, shift_s: int = 0) -> Iterator[_World]:
    cast = tuple(replace(p, protocol=protocol) if p.name == CASE else p for p in CAST)
    with _seeded(seed), ExitStack() as opened:
        stores = {p.name: opened.enter_context(Store(folder / _folder_name(p))) for p in cast}
        for store in stores.values():
            opened.enter_context(StateLock(store.state_dir))
        yield _World(seed, cast, stores, folder, shift_s)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed Python's own generator (for the jitter of the checks), and restore it afterwards."""
    before = global_random.getstate()
    global_random.seed(seed)
    try:
        yield
    finally:
        global_random.setstate(before)


@dataclass(frozen=True, slots=True)
class LeftDevice:
    """A device that a simulated day left, and the name of its state directory."""

    person: Person
    name: str


class _World:
    """The six on one air, on the day of the cast or ``shift_s`` (whole days) later."""

    def __init__(
        self, seed: int, cast: tuple[Person, ...], stores: dict[str, Store], folder: Path, shift_s: int
    ) -> None:
        self.cast = cast
        self._seed = seed
        self._stores = stores
        self._folder = folder
        self._shift_s = shift_s
        self._stop = asyncio.Event()
        self._clocks: dict[str, SimulatedClock] = {}
        self._air = Air(lambda: shift_s + _true_time_s(), seed=seed, advert_interval_s=PACKET_EVERY_S)

    async def live(self, protocol: str) -> Day:
        """Let the day pass; on the next morning the case's keys are published, and everybody checks."""
        publisher = Publisher(self._folder)
        async with asyncio.TaskGroup() as lives:
            for person in self.cast:
                lives.create_task(self._agent(person, publisher).run(self._stop))
            keys_published = await self._fall_ill_and_publish(publisher)
            await asyncio.sleep(ENDS_AT_S - _true_time_s())
            self._stop.set()
        return Day(self._seed, protocol, keys_published, tuple(self._verdicts()))

    async def pass_by(self) -> None:
        """Let the day pass, and :data:`LEFT_AFTER_S`, so that its last minutes are stored and its keys have expired."""
        async with asyncio.TaskGroup() as lives:
            for person in self.cast:
                lives.create_task(self._agent(person).run(self._stop))
            await asyncio.sleep(DAY_S + LEFT_AFTER_S)
            self._stop.set()

    def _agent(self, person: Person, publisher: Publisher | None = None) -> Agent:
        random = Random(f"{self._seed}/{person.name}")
        clock = SimulatedClock(DAY_START_S + self._shift_s, offset_s=random.gauss(0, CLOCK_DEVIATION_S))
        position = motion(person, random)
        radio = self._air.radio(
            clock,
            lambda unix_s: position(unix_s - self._shift_s),
            tx_power_dbm=STATED_TX_POWER_DBM + random.gauss(0, DEVICE_DEVIATION_DB),
            rx_offset_db=random.gauss(0, DEVICE_DEVIATION_DB),
        )
        store = self._stores[person.name]
        self._clocks[person.name] = clock

        async def check() -> None:
            if publisher:
                self._check(store, publisher, clock.now_s())

        return Agent(
            store,
            radio,
            clock,
            PROTOCOLS[person.protocol],
            STATED_TX_POWER_DBM,
            check,
            sources=1,
            random_bytes=random.randbytes,
        )

    def _check(self, store: Store, publisher: Publisher, now_s: float) -> None:
        check = Check(
            store,
            MODELS[DEFAULT_MODEL],
            assumed_tx_power_dbm=STATED_TX_POWER_DBM,
            now_s=now_s,
            calendar=LOCAL_CALENDAR,
        )
        check.run([publisher.source()])

    async def _fall_ill_and_publish(self, publisher: Publisher) -> int:
        """Export the case's keys as an owner does, and publish them as the health authority does."""
        await asyncio.sleep(PUBLISHED_AT_S - _true_time_s())
        store, now_s = self._stores[CASE], self._clocks[CASE].now_s()
        await asyncio.to_thread(export_keys.end_current_key, store)  # over the agent's socket, as a command does
        keys = export_keys.exportable(store, RETENTION_DAYS, now_s)
        onset = datetime.fromtimestamp(DAY_START_S, UTC).date()
        return publisher.publish(keys, onset, now_s)

    def _verdicts(self) -> Iterator[PersonVerdict]:
        case = next(p for p in self.cast if p.name == CASE)
        meant = close_contacts(case, self.cast)
        owners = self._identifier_owners()
        for person in self.cast:
            store = self._stores[person.name]
            warned = [w.warned_at_s for w in store.exposures.warned()]
            yield PersonVerdict(
                person,
                () if person is case else tuple(near_minutes(case, person)),
                person.name in meant,
                min(warned, default=None),
                tuple(day_exposures(store.exposures.matched(), MODELS[DEFAULT_MODEL], LOCAL_CALENDAR)),
                _received(store, owners),
                PersonCount.of(store.contact_summaries.identifier_counts(0)),
            )

    def _identifier_owners(self) -> dict[bytes, str]:
        """Return the owner of each identifier that was ever transmitted, from the air itself."""
        observed_identifiers = [(decode(AdvertisingData.from_bytes(c.data)), c.device) for c in self._air.log if c.data]
        return {
            observed.identifier: self.cast[device].name
            for observed, device in observed_identifiers
            if observed is not None
        }


def _received(store: Store, owners: dict[bytes, str]) -> dict[str, tuple[int, ...]]:
    minutes: dict[str, set[int]] = {}
    for protocol in PROTOCOLS:
        ids, _ = store.contacts.identifiers(protocol)
        for m in store.contacts.minutes_of(ids):
            minutes.setdefault(owners[m.observed.identifier], set()).add(m.minute)
    return {name: tuple(sorted(its)) for name, its in sorted(minutes.items())}


def _true_time_s() -> float:
    return DAY_START_S + asyncio.get_running_loop().time()
