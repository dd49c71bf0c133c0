"""The figures of a door, by day and hour of its own time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from bluezone_agent.core.door import Direction, DoorCounts, Passage
from bluezone_agent.core.intervals import MINUTE_S

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of the door's own time


class Hour(NamedTuple):
    """One hour of one day."""

    day: date
    hour: int


def local(passage: Passage) -> datetime:
    """Return when somebody passed by the door's own time, to the minute."""
    return EPOCH + timedelta(seconds=(passage.minute + passage.utc_offset_min) * MINUTE_S)


def by_hour(passages: Iterable[Passage]) -> dict[Hour, DoorCounts]:
    """Return the counts of each hour in which somebody passed, in order."""
    found: dict[Hour, list[Passage]] = defaultdict(list)
    for passage in passages:
        at = local(passage)
        found[Hour(at.date(), at.hour)].append(passage)
    return {hour: counts(found[hour]) for hour in sorted(found)}


def counts(passages: Iterable[Passage]) -> DoorCounts:
    """Count people by direction, and by whether they had a device."""
    found = DoorCounts()
    for passage in passages:
        field = f"{passage.direction}_{'without' if passage.protocol is None else 'with'}"
        found = replace(found, **{field: getattr(found, field) + 1})
    return found


def people(found: DoorCounts, direction: Direction | None = None) -> int:
    """Return all people, or those in one direction."""
    into, out = found.in_with + found.in_without, found.out_with + found.out_without
    return into + out if direction is None else into if direction is Direction.IN else out


def share_percent(found: DoorCounts) -> float | None:
    """Return how many of a hundred people had a device; None without people."""
    everybody = people(found)
    return 100 * (found.in_with + found.out_with) / everybody if everybody else None
