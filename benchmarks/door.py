"""How right a door is: time to green, who is missed, who lights without being held near, who counts twice or as one.

    python -m benchmarks.door [FIRST LAST]

Seeds 1 to 50, unless others are given; the rule was tuned on 101 to 150. Phones send every 250 ms with -25 dBm, 2 dB
more or less from model to model, on the simulated air, whose packets the door's engine gets as the agent does.

A visitor who holds a device near was first in the queue, 1 m away, and moves it to 30 cm within half a second. Whoever
stands at 1.5 m came there from 5 m. A queue of five steps ahead by 80 cm, until its first is 1 m away, and waits there.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from random import Random
from statistics import median
from typing import Final, NamedTuple

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.attenuation import ASSUMED_TX_POWER_DBM
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert, Sighting, receive
from bluezone_agent.door.calibration import NEAR_SHARE
from bluezone_agent.door.engine import DoorEngine
from bluezone_agent.door.near import NearDevices, Packet
from bluezone_agent.door.rule import Rule
from bluezone_agent.radios.simulated.air import Air, Motion, Position, Propagation
from bluezone_agent.radios.simulated.neighbours import rotating
from bluezone_agent.scenarios.cast import DAY_START_S

SEEDS: Final = 1, 50
PHONE_SPREAD_DB: Final = 2.0
START_S: Final = DAY_START_S + 3600
NEAR_M, AWAY_M, FIRST_M, STEP_M = 0.3, 1.5, 1.0, 0.8
HELD_S: Final = 6.0
WALK_M_S: Final = 1.2
STANDS_S: Final = 60.0
TICK_S: Final = 0.25
PLACES: Final = {
    "22 dB a decade, 4 dB of scatter": Propagation(),
    "12 dB a decade, 7 dB of scatter": Propagation(decade_db=12, fading_db=7),
    "9 dB a decade, 7 dB of scatter": Propagation(decade_db=9, fading_db=7),
}

Points = Sequence[tuple[float, float]]
"""Seconds since the start, and metres from the reader; in between a device moves evenly."""


class Received(NamedTuple):
    """A packet."""

    at_s: float
    observed: ObservedIdentifier
    rssi_dbm: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What the door received, until when, and when the visitors held their devices near."""

    packets: list[Received]
    until_s: float
    held_s: tuple[float, ...] = ()


def motion(points: Points) -> Motion:
    """Return the motion of somebody who faces the reader."""

    def at(unix_s: float) -> Position | None:
        at_s = unix_s - START_S
        if at_s < points[0][0]:
            return None
        for (from_s, from_m), (to_s, to_m) in pairwise(points):
            if from_s <= at_s < to_s:
                return Position(from_m + (to_m - from_m) * (at_s - from_s) / (to_s - from_s), 0.0, math.pi)
        return Position(points[-1][1], 0.0, math.pi)

    return at


def scene(name: str, place: Propagation, people: Iterable[Points], until_s: float) -> list[Received]:
    """Return what a reader receives of these people."""
    return run_simulated(_scene(name, place, people, until_s))


async def _scene(name: str, place: Propagation, people: Iterable[Points], until_s: float) -> list[Received]:
    random, clock, found = Random(name), SimulatedClock(START_S), list[Received]()
    air = Air(clock.now_s, seed=random.getrandbits(32), propagation=place)
    radio = air.radio(clock, lambda _: Position(0.0, 0.0, 0.0))
    for number, points in enumerate(people):
        phone = rotating(list(PROTOCOLS.values())[number % 2], random.randbytes)
        power_dbm = random.gauss(ASSUMED_TX_POWER_DBM, PHONE_SPREAD_DB)
        air.observed(motion(points), phone, tx_power_dbm=power_dbm)

    def received(advert: Advert) -> None:
        sighting = receive(advert)
        assert isinstance(sighting, Sighting)
        found.append(Received(clock.uptime_s(), sighting.observed, sighting.rssi_dbm))

    with suppress(TimeoutError):
        async with asyncio.timeout(until_s):
            await radio.listen(received)
    return found


def held(name: str, place: Propagation, behind: int) -> Scene:
    """Return a visitor who holds a device near, with others in the queue behind."""
    held_s = 14 + Random(f"{name} when").uniform(0, 8)
    visitor = [(0, FIRST_M + STEP_M), (9, FIRST_M + STEP_M), (10, FIRST_M), (held_s - 0.5, FIRST_M), (held_s, NEAR_M)]
    others = [_step(FIRST_M + STEP_M * (k + 1)) for k in range(behind)]
    return Scene(scene(name, place, [visitor, *others], held_s + HELD_S), held_s + HELD_S, (held_s,))


def _step(to_m: float) -> Points:
    return [(0, to_m + STEP_M), (9, to_m + STEP_M), (10, to_m)]


def stands(name: str, place: Propagation, distance_m: float) -> Scene:
    """Return somebody who comes from 5 m and stands there."""
    arrives_s = 2 + (5 - distance_m) / WALK_M_S
    points = [(2.0, 5.0), (arrives_s, distance_m)]
    return Scene(scene(name, place, [points], arrives_s + STANDS_S), arrives_s + STANDS_S)


def queue(name: str, place: Propagation) -> Scene:
    """Return five people who step ahead and wait."""
    return Scene(scene(name, place, [_step(FIRST_M + STEP_M * k) for k in range(5)], 10 + STANDS_S), 10 + STANDS_S)


def around(name: str, place: Propagation) -> Scene:
    """Return five people who stand around the reader, each at 1 m."""
    return Scene(scene(name, place, [[(0, FIRST_M)]] * 5, 10 + STANDS_S), 10 + STANDS_S)


def two(name: str, place: Propagation) -> Scene:
    """Return two visitors who hold their devices near for 2 s, one 4 s after the other."""
    first: Points = [(0, 1.0), (14.5, 1.0), (15, NEAR_M), (17, NEAR_M), (18, 1.5), (20, 4.0)]
    second: Points = [(0, 1.8), (17, 1.8), (18, 1.0), (18.5, 1.0), (19, NEAR_M), (21, NEAR_M), (22, 1.5)]
    return Scene(scene(name, place, [first, second], 24), 24, (15, 19))


def lingers(name: str, place: Propagation) -> Scene:
    """Return a visitor who was counted and stays at 50 cm for 40 minutes: at least two rotations."""
    return Scene(scene(name, place, [[(0, 1.0), (9.5, 1.0), (10, NEAR_M), (16, NEAR_M), (17, 0.5)]], 2400), 2400)


def counted(shown: Scene, rule: Rule) -> list[float]:
    """Return when the door counted somebody."""
    engine, found, ticked_s = DoorEngine(rule), list[float](), 0.0
    for at_s, observed, rssi_dbm in shown.packets:
        while ticked_s + TICK_S <= at_s:
            ticked_s += TICK_S
            engine.tick(ticked_s)
        if engine.packet(observed, observed.protocol, rssi_dbm, at_s):
            found.append(at_s)
    return found


def lit(shown: Scene, threshold_dbm: int) -> list[float]:
    """Return when a threshold alone would have counted each device."""
    near, found = NearDevices(), dict[ObservedIdentifier, float]()
    for at_s, observed, rssi_dbm in shown.packets:
        device = near.received(observed, observed.protocol, Packet(at_s, rssi_dbm))
        level = device.level_dbm(at_s) if device and observed not in found else None
        if level is not None and level >= threshold_dbm:
            found[observed] = at_s
    return sorted(found.values())


Judge = Callable[[Scene], list[float]]


def share(scenes: Sequence[Scene], is_so: Callable[[Scene], bool]) -> str:
    """Return a share as text."""
    count = sum(map(is_so, scenes))
    return f"{count}/{len(scenes)} = {count / len(scenes):.1%}"


class Scenes:
    """All scenes of some seeds in one place."""

    def __init__(self, place: Propagation, seeds: range) -> None:
        def made(make: Callable[[str], Scene], times: int) -> list[Scene]:
            return [make(f"{seed}/{k}") for seed in seeds for k in range(times)]

        self.single = made(lambda name: held(f"alone {name}", place, 0), 4)
        self.followed = made(lambda name: held(f"followed {name}", place, 4), 4)
        self.stands = made(lambda name: stands(f"stands {name}", place, AWAY_M), 4)
        self.queue = made(lambda name: queue(f"queue {name}", place), 4)
        self.around = made(lambda name: around(f"around {name}", place), 4)

    def row(self, judge: Judge) -> str:
        """Return missed, and lit: at 1.5 m, in the queue, around the reader."""
        every = [*self.single, *self.followed]
        missed = sum(not judge(shown) for shown in every) / len(every)
        false = (
            sum(bool(judge(shown)) for shown in shown_all) / len(shown_all)
            for shown_all in (self.stands, self.queue, self.around)
        )
        return f"{missed:7.1%}   " + "   ".join(f"{one:7.1%}" for one in false)


def main(first: int, last: int) -> None:
    """Print all figures."""
    seeds, rule, place = range(first, last + 1), Rule(), Propagation()
    print(f"seeds {first} to {last}; rule: {rule}")
    found = Scenes(place, seeds)
    for text, scenes in (("alone", found.single), ("with four in the queue behind", found.followed)):
        times = [(counted(one, rule), one.held_s[0]) for one in scenes]
        late = sorted(at[0] - held_s for at, held_s in times if at and at[0] >= held_s - 0.5)
        early = sum(bool(at) and at[0] < held_s - 0.5 for at, held_s in times)
        print(
            f"held at 30 cm {text}: green after {median(late):.1f} s (median), {late[int(0.95 * len(late))]:.1f} s"
            f" (95 %); missed {share(scenes, lambda one: not counted(one, rule))};"
            f" counted before, at 1 m: {early}/{len(scenes)} = {early / len(scenes):.1%}"
        )
    for text, scenes in (
        ("somebody comes to 1.5 m and stands for a minute", found.stands),
        ("a queue of five, the first at 1 m, for a minute", found.queue),
        ("five people around the reader at 1 m, for a minute", found.around),
    ):
        print(f"false green, {text}: {share(scenes, lambda one: bool(counted(one, rule)))}")
    twos = [two(f"two {seed}/{k}", place) for seed in seeds for k in range(4)]
    numbers = defaultdict[int, int](int)
    for one in twos:
        numbers[len(counted(one, rule))] += 1
    print(f"two people 4 s apart: counted {dict(sorted(numbers.items()))} of {len(twos)}")
    stays = [lingers(f"lingers {seed}", place) for seed in seeds]
    print(f"40 minutes at 50 cm, with rotations: counted twice {share(stays, lambda one: len(counted(one, rule)) > 1)}")
    for name, propagation in PLACES.items():
        print(f"\n{name}\n{'':28}missed   lit at 1.5 m   queue   around")
        trade_off(Scenes(propagation, seeds), propagation)


def trade_off(found: Scenes, place: Propagation) -> None:
    """Print a row for each threshold alone, and for each rise with the threshold that a calibration gives."""
    near, away = (
        ASSUMED_TX_POWER_DBM - place.mean_loss_db(Position(metres, 0, math.pi), Position(0, 0, 0))
        for metres in (NEAR_M, AWAY_M)
    )
    for share_of_way in (0.2, 0.4, NEAR_SHARE, 0.8, 1.0):
        threshold = round(away + (near - away) * share_of_way)
        print(f"threshold {threshold} dBm alone      {found.row(partial(lit, threshold_dbm=threshold))}")
    threshold = round(away + (near - away) * NEAR_SHARE)
    for rise_db in (2.0, 4.0, 6.0, 8.5, 10.0):
        rule = replace(Rule(), threshold_dbm=threshold, rise_db=rise_db)
        print(f"rule: {threshold} dBm, rise {rise_db:4.1f} dB {found.row(partial(counted, rule=rule))}")


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:]) if sys.argv[1:] else SEEDS))
