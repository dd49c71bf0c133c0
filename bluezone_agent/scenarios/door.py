"""A morning at a door: sixty people in a queue, forty with a device, and what the guard sees of them.

The engine, its store and the page are those of a real door; the air and the people are simulated.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.attenuation import ASSUMED_TX_POWER_DBM
from bluezone_agent.core.door import Direction, DoorState, Passage
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert, Sighting, receive
from bluezone_agent.door.engine import DoorEngine
from bluezone_agent.door.rule import Rule
from bluezone_agent.door.store import DoorStore
from bluezone_agent.radios.simulated.air import Air, Position
from bluezone_agent.radios.simulated.neighbours import rotating
from bluezone_agent.scenarios.cast import DAY_START_S

PEOPLE: Final = 60
WITH_DEVICE: Final = 40
OPENS_S: Final = DAY_START_S + 3600 - 300
"""07:55 in Vietnam: five minutes before the identifiers of both protocols change."""
UTC_OFFSET_MIN: Final = 7 * 60
PHONE_SPREAD_DB: Final = 2.0
STEP_S: Final = 0.25
FIRST_M, BEHIND_M, NEAR_M, INSIDE_M = 1.0, 0.8, 0.3, 4.0
QUEUE: Final = 5
"""People in the queue who are near enough to be received."""
WAITS_S: Final = 4.0
"""Before each one's turn: a greeting, a question."""
HOLDS_S: Final = 6.0
TRIES: Final = 2
LINGERS_S: Final = 20.0
"""How long somebody stays at the door after the change of identifiers."""


@dataclass(slots=True)
class Visitor:
    """One person, and what the guard saw of them."""

    number: int
    phones: int
    """0: none."""
    replays: bool = False
    """Whether a recorded advertisement of somebody who was counted is replayed."""
    distance_m: float | None = None
    second_m: float | None = None
    """Of the second phone, if it is not held with the first."""
    counted: int = 0
    """How often one of this person's own devices was counted."""
    waved_in_with: bool = False
    """Whether the guard took them for somebody with a device."""
    rotated: bool = False
    """Whether their identifier changed while they stood at the door."""


@dataclass(slots=True)
class Morning:
    """What was true, and what the guard saw."""

    seed: int
    visitors: list[Visitor]
    states: set[DoorState] = field(default_factory=set)
    """Everything that the guard's screen has shown."""
    at_two_phones: set[DoorState] = field(default_factory=set)
    at_replay: set[DoorState] = field(default_factory=set)

    @property
    def true_with(self) -> int:
        """People with a device of their own."""
        return sum(visitor.phones > 0 for visitor in self.visitors)

    @property
    def seen_with(self) -> int:
        """People whom the guard counted with a device."""
        return sum(visitor.waved_in_with for visitor in self.visitors)

    @property
    def missed(self) -> int:
        """People whose device was not seen."""
        return sum(visitor.phones > 0 and not visitor.waved_in_with for visitor in self.visitors)

    @property
    def false(self) -> int:
        """People without a device who were taken for somebody with one."""
        return sum(visitor.phones == 0 and visitor.waved_in_with for visitor in self.visitors)

    @property
    def twice(self) -> int:
        """People who were counted more than once."""
        return sum(visitor.counted > 1 for visitor in self.visitors)


def simulate_door(seed: int, state_dir: Path) -> Morning:
    """Simulate the morning; the door's store is in ``state_dir``."""
    with DoorStore(state_dir) as store:
        return run_simulated(_Door(seed, store).morning())


class _Door:
    """The reader, its guard and the queue."""

    def __init__(self, seed: int, store: DoorStore) -> None:
        self._random = Random(seed)
        self._store = store
        self._clock = SimulatedClock(OPENS_S)
        self._air = Air(self._clock.now_s, seed=seed)
        self._engine = DoorEngine(Rule())
        self._owners: dict[ObservedIdentifier, Visitor] = {}
        self._recorded: dict[ObservedIdentifier, AdvertisingData] = {}
        self._greens = 0
        with_device = set(self._random.sample(range(PEOPLE), WITH_DEVICE))
        self.result = Morning(seed, [Visitor(n, int(n in with_device)) for n in range(PEOPLE)])
        late = [v for v in self.result.visitors if v.number > PEOPLE // 4]
        next(v for v in late if v.phones).phones = 2
        next(v for v in reversed(late) if not v.phones).replays = True

    async def morning(self) -> Morning:
        radio = self._air.radio(self._clock, lambda _: Position(0.0, 0.0, 0.0))
        for visitor in self.result.visitors:
            for phone in range(visitor.phones):
                protocol = self._random.choice(list(PROTOCOLS.values()))
                self._add(visitor, phone, rotating(protocol, self._random.randbytes))
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(radio.listen(self._received))
            ticking = tasks.create_task(self._tick())
            for visitor in self.result.visitors:
                await self._turn(visitor)
            listening.cancel()
            ticking.cancel()
        return self.result

    def _add(
        self, visitor: Visitor, phone: int, advertising_data_at: Callable[[float], AdvertisingData | None]
    ) -> None:
        def where(_unix_s: float) -> Position | None:
            metres = visitor.distance_m if phone == 0 or visitor.second_m is None else visitor.second_m
            return None if metres is None else Position(metres, 0.0, math.pi)

        def sent(unix_s: float) -> AdvertisingData | None:
            if visitor.distance_m is None:
                return None  # out of range
            data = advertising_data_at(unix_s)
            if data is not None and not visitor.replays:
                self._own(visitor, data)
            return data

        power_dbm = self._random.gauss(ASSUMED_TX_POWER_DBM, PHONE_SPREAD_DB)
        self._air.observed(where, sent, tx_power_dbm=power_dbm)

    def _own(self, visitor: Visitor, data: AdvertisingData) -> None:
        sighting = receive(Advert(data, -50, self._clock.now_s()))
        if isinstance(sighting, Sighting):
            self._owners[sighting.observed] = visitor

    def _received(self, advert: Advert) -> None:
        sighting = receive(advert)
        if isinstance(sighting, Sighting):
            observed = sighting.observed
            self._recorded[observed] = advert.advertising_data
            if self._engine.packet(observed, observed.protocol, sighting.rssi_dbm, self._clock.uptime_s()):
                self._greens += 1
                self._owners[observed].counted += 1
                self._write(observed.protocol)

    def _write(self, protocol: str | None) -> None:
        self._store.add(
            Passage(
                minute=int(self._clock.now_s() // MINUTE_S),
                utc_offset_min=UTC_OFFSET_MIN,
                direction=Direction.IN,
                protocol=protocol,
                clock_trusted=True,
            )
        )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(STEP_S)
            self._engine.tick(self._clock.uptime_s())
            self.result.states.add(self._engine.state)

    async def _turn(self, visitor: Visitor) -> None:
        """Let somebody come to the front, be looked at, and go in."""
        for place, waiting in enumerate(self.result.visitors[visitor.number : visitor.number + QUEUE]):
            waiting.distance_m = FIRST_M + BEHIND_M * place
        if visitor.replays:
            self._replay(visitor)
        seen = self._greens
        await asyncio.sleep(WAITS_S + self._random.uniform(0, 3))
        if visitor.phones or visitor.replays:
            await self._tries(visitor, seen)
        else:
            await asyncio.sleep(2)
        visitor.waved_in_with = visitor.waved_in_with or self._greens > seen
        if not visitor.waved_in_with:
            self._write(None)
        await self._waits_for_the_change(visitor)
        visitor.distance_m = visitor.second_m = INSIDE_M
        gone = self.result.visitors[visitor.number - 3] if visitor.number >= 3 else None
        if gone is not None:
            gone.distance_m = gone.second_m = None

    async def _tries(self, visitor: Visitor, seen: int) -> None:
        """Hold the device near until it is green, twice at most; the second phone is put away when that is asked."""
        for _ in range(TRIES):
            if self._greens > seen or visitor.counted:
                break
            visitor.distance_m, shown = NEAR_M, set[DoorState]()
            for _ in range(int(HOLDS_S / STEP_S)):
                await asyncio.sleep(STEP_S)
                shown.add(self._engine.state)
                if self._greens > seen:
                    break
            if visitor.phones > 1:
                self.result.at_two_phones |= shown
                visitor.second_m = FIRST_M
            if visitor.replays:
                self.result.at_replay |= shown
            if self._greens == seen:
                visitor.distance_m = FIRST_M
                await asyncio.sleep(WAITS_S)
        visitor.waved_in_with = bool(visitor.counted)

    def _replay(self, visitor: Visitor) -> None:
        """Replay what was recorded of the last one who was counted and is out of range."""
        before = [v for v in self.result.visitors[: visitor.number] if v.counted and v.distance_m is None]
        recorded = [data for observed, data in self._recorded.items() if self._owners[observed] is before[-1]]
        self._add(visitor, 0, lambda _: recorded[-1])

    async def _waits_for_the_change(self, visitor: Visitor) -> None:
        """Stay at the door over the change of identifiers, if it is about to come."""
        left_s = OPENS_S + 300 - self._clock.now_s()
        if visitor.counted and 0 < left_s < LINGERS_S:
            visitor.rotated = True
            await asyncio.sleep(left_s + LINGERS_S)
