"""A simulated day with six devices."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Self

from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.scenarios.day import Day, PersonVerdict, simulate

__all__ = ["Day", "DemoPerson", "PersonVerdict", "SimulatedDay", "simulate"]


class DemoPerson(Result, frozen=True, kw_only=True):
    """What one device told its owner, compared with the truth."""

    name: str
    protocol: str
    true_minutes_within_2m: int
    """Time within 2 m of the case."""
    should_warn: bool
    warned: bool
    warned_at: datetime | None
    right: bool
    days: tuple[ExposureDay, ...]


class SimulatedDay(Result, frozen=True, kw_only=True):
    """The result of the simulated day."""

    seed: int
    case: str
    """The person who tested positive."""
    protocol: str
    keys_published: int
    all_verdicts_right: bool
    agents: tuple[DemoPerson, ...]
    page: Path

    @classmethod
    def of(cls, day: Day, page: Path) -> Self:
        """Return the result of ``day``, whose page is at ``page``."""
        return cls(
            seed=day.seed,
            case=day.case.name,
            protocol=day.protocol,
            keys_published=day.keys_published,
            all_verdicts_right=day.right,
            agents=tuple(_person(v, day.calendar) for v in day.verdicts),
            page=page,
        )


def _person(v: PersonVerdict, calendar: Calendar) -> DemoPerson:
    return DemoPerson(
        name=v.person.name,
        protocol=v.person.protocol,
        true_minutes_within_2m=v.true_near_minutes,
        should_warn=v.should_warn,
        warned=v.warned_at_s is not None,
        warned_at=utc(v.warned_at_s),
        right=v.right,
        days=tuple(ExposureDay.of(day, calendar) for day in v.days),
    )
