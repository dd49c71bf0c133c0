"""Six people and where they are on one day: a family, an office, a bus, a café, a street.

Times are seconds from midnight in Vietnam (UTC+7); the day lasts from breakfast to breakfast, which there is one UTC
day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.errors import N_
from bluezone_agent.radios.simulated.air import Motion, Position

DAY_START_S: Final = 1_596_412_800
"""2020-08-03 00:00 UTC, 07:00 in Vietnam: the summer in which Bluezone was needed."""
CASE: Final = "An"
NEAR_M: Final = 2.0
LONG_MIN: Final = 15
"""The Ministry of Health's definition of a close contact: within 2 m for 15 minutes."""
ROOM_M: Final = 20.0
FIDGET_RAD: Final = 0.6
FIDGET_S: Final = 240


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay at one place for a while."""

    starts: str
    """``HH:MM`` in Vietnam; times before 07:00 are on the next morning."""
    ends: str
    where: str
    """The place, for people (a template for the catalogues)."""
    position: Position

    @property
    def starts_at_s(self) -> int:
        """Unix seconds."""
        return _unix_s(self.starts)

    @property
    def ends_at_s(self) -> int:
        """Unix seconds."""
        return _unix_s(self.ends, end=True)


@dataclass(frozen=True, slots=True)
class Person:
    """A person with a device."""

    name: str
    role: str
    """The person's relation to the case (a template for the catalogues)."""
    protocol: str
    stays: tuple[Stay, ...]


@cache
def _unix_s(clock: str, *, end: bool = False) -> int:
    hours, minutes = (int(batch) for batch in clock.split(":"))
    since_breakfast_s = (hours * 60 + minutes) * MINUTE_S - 7 * 3600
    return DAY_START_S + (since_breakfast_s % DAY_S or (DAY_S if end else 0))


HOME, BUS, OFFICE, CAFE, STREET, MARKET = (
    N_("at home"),
    N_("on the bus"),
    N_("in the office"),
    N_("in the café"),
    N_("in the street"),
    N_("at the market"),
)
EAST, WEST, NORTH = 0.0, math.pi, math.pi / 2

CAST: Final = (
    Person(
        CASE,
        N_("tests positive the next morning"),
        "bluezone",
        (
            Stay("07:00", "07:40", HOME, Position(0, 0, EAST)),
            Stay("07:50", "08:20", BUS, Position(1000, 0, NORTH)),
            Stay("08:30", "12:00", OFFICE, Position(2000, 0, EAST)),
            Stay("12:10", "13:00", CAFE, Position(3000, 0, EAST)),
            Stay("13:10", "17:00", OFFICE, Position(2000, 0, EAST)),
            Stay("17:20", "17:40", STREET, Position(4000, 0, EAST)),
            Stay("18:00", "22:00", HOME, Position(0, 0, EAST)),
            Stay("22:00", "07:00", HOME, Position(0, 8, EAST)),
        ),
    ),
    Person(
        "Bình",
        N_("lives with An"),
        "gaen",
        (
            Stay("07:00", "07:40", HOME, Position(1.2, 0, WEST)),
            Stay("17:30", "22:00", HOME, Position(1.2, 0, WEST)),
            Stay("22:00", "07:00", HOME, Position(0.6, 8, WEST)),
        ),
    ),
    Person(
        "Chi",
        N_("at the next desk"),
        "bluezone",
        (
            Stay("08:15", "11:50", OFFICE, Position(2001.4, 0, WEST)),
            Stay("13:00", "17:30", OFFICE, Position(2001.4, 0, WEST)),
        ),
    ),
    Person(
        "Dũng",
        N_("next seat on the bus"),
        "gaen",
        (
            Stay("07:45", "08:30", BUS, Position(1000.7, 0, NORTH)),
            Stay("09:00", "11:30", MARKET, Position(5000, 0, EAST)),
        ),
    ),
    Person(
        "Giang",
        N_("6 m away in the café"),
        "bluezone",
        (Stay("12:00", "13:05", CAFE, Position(3006, 0, EAST)),),
    ),
    Person(
        "Hà",
        N_("passed by for 2 minutes"),
        "gaen",
        (
            Stay("10:00", "11:10", MARKET, Position(5001.5, 0, WEST)),
            Stay("17:28", "17:30", STREET, Position(4001, 0, WEST)),
        ),
    ),
)


def stay_at(person: Person, unix_s: float) -> Stay | None:
    """Return where a person is; None while the person is alone on the way."""
    return next((stay for stay in person.stays if stay.starts_at_s <= unix_s < stay.ends_at_s), None)


def motion(person: Person, random: Random) -> Motion:
    """Return a person's motion: at the stays as planned, with small random turns; otherwise out of range."""
    phase = random.uniform(0, 2 * math.pi)

    def at(unix_s: float) -> Position | None:
        stay = stay_at(person, unix_s)
        if stay is None:
            return None
        turned = FIDGET_RAD * math.sin(2 * math.pi * unix_s / FIDGET_S + phase)
        return stay.position._replace(facing_rad=stay.position.facing_rad + turned)

    return at


def near_minutes(one: Person, other: Person) -> list[int]:
    """Return the minutes (since the Unix epoch) that two people truly spend within 2 m, whatever radios receive."""
    return [
        minute
        for minute in range(DAY_START_S // MINUTE_S, (DAY_START_S + DAY_S) // MINUTE_S)
        if _distance_m(one, other, minute * MINUTE_S) <= NEAR_M
    ]


def _distance_m(one: Person, other: Person, unix_s: int) -> float:
    here, there = stay_at(one, unix_s), stay_at(other, unix_s)
    if here is None or there is None:
        return math.inf
    return math.dist(here.position[:2], there.position[:2])


def co_presence(case: Person, cast: Sequence[Person]) -> list[tuple[Stay, list[tuple[str, float, int]]]]:
    """Return the stays of ``case`` and who was how many metres away, for how many minutes, within a room's length."""
    return [(stay, list(_co_presence_at(case, cast, stay))) for stay in case.stays]


def _co_presence_at(case: Person, cast: Sequence[Person], stay: Stay) -> Iterator[tuple[str, float, int]]:
    times = range(stay.starts_at_s, stay.ends_at_s, MINUTE_S)
    for person in cast:
        near_m = [distance_m for t in times if (distance_m := _distance_m(case, person, t)) < ROOM_M]
        if person is not case and near_m:
            yield person.name, min(near_m), len(near_m)


def close_contacts(case: Person, cast: Sequence[Person]) -> set[str]:
    """Return the names of those who should be warned."""
    return {p.name for p in cast if p is not case and len(near_minutes(case, p)) >= LONG_MIN}
