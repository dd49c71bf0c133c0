"""What a roll-up finds: figures by unit, round and kind of evidence."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Sum(msgspec.Struct, frozen=True):
    """A figure of a unit in one round by one kind of evidence: of the blocks inside of which all have reported."""

    installed: int
    running: int | None


class CountSum(msgspec.Struct, frozen=True):
    """Counts on the air of a unit in one round: of the blocks inside of which every unit was counted."""

    places: int
    people: int
    devices: float
    devices_low: float
    """Bounds of the 95 % interval: the counts are independent of each other."""
    devices_high: float


class Work(msgspec.Struct, frozen=True):
    """How many of a unit's sub-units reported in a round, and the work of house-to-house teams."""

    reporters: int
    """Units that said how many people have it."""
    on_time: int
    """Of these, how many by the deadline."""
    streets: int | None
    leaflets: int | None


class FigureKey(NamedTuple):
    """Of which unit, by its number, in which round, by which kind of evidence."""

    unit: int
    round: int
    kind: str


class WorkKey(NamedTuple):
    """Of which unit, by its number, in which round."""

    unit: int
    round: int


class Sums(msgspec.Struct, frozen=True):
    """Everything that a report needs."""

    figures: dict[FigureKey, Sum]
    work: dict[WorkKey, Work]
    counts: dict[WorkKey, CountSum]
