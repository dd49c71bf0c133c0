"""A day with an exposure, as a person and a program are shown it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final, Self

import msgspec

from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.exposure import DayExposure, Degree, Encounter, ExposureWindow
from bluezone_agent.stores.exposures import Warned

SHOWN_TO_S: Final = 300
"""Times of day are shown to 5 minutes, so that what is shown tells less of who the case was."""


class ShownEncounter(Result, frozen=True, kw_only=True):
    """A stretch of the day near one person."""

    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")
    minutes_within_2m: float
    closest_attenuation_db: int
    typical_attenuation_db: int


class ExposureDay(Result, frozen=True, kw_only=True):
    """Everything received on one UTC day of published keys of one degree."""

    day: date
    degree: Degree
    warning: bool
    warned_at: datetime | None
    """When its owner was warned of it."""
    keys_received: int
    received_minutes: int
    minutes_within_2m: float
    """Weighted by the rule."""
    needed_minutes: float
    """What these have to reach for a warning."""
    rule: str
    rule_version: int
    encounters: tuple[ShownEncounter, ...]

    @property
    def starts_at(self) -> datetime:
        """The midnight at which the day begins, UTC."""
        return midnight(self.day)

    @classmethod
    def of(cls, day: DayExposure, warned: Warned | None = None) -> Self:
        """Return what is shown of ``day``."""
        return cls(
            day=utc_day(day.day_start_s),
            degree=day.degree,
            warning=day.warns,
            warned_at=None if warned is None else utc(warned.warned_at_s),
            keys_received=day.keys,
            received_minutes=day.received_minutes,
            minutes_within_2m=round(day.near_minutes, 1),
            needed_minutes=day.warning_minutes,
            rule=day.rule,
            rule_version=day.rule_version,
            encounters=tuple(map(_shown, day.encounters)),
        )


def _shown(e: Encounter) -> ShownEncounter:
    start, end = shown_times(e)
    return ShownEncounter(
        start=start,
        end=end,
        minutes_within_2m=round(e.near_minutes, 1),
        closest_attenuation_db=round(e.closest_db),
        typical_attenuation_db=round(e.typical_db),
    )


def midnight(day: date) -> datetime:
    """Return the time at which a UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def utc_day(day_start_s: int) -> date:
    """Return the UTC day that begins at ``day_start_s``."""
    return utc(day_start_s).date()


def shown_times(span: Encounter | ExposureWindow, step_s: int = SHOWN_TO_S) -> tuple[datetime, datetime]:
    """Return start and end as they are shown, outwards to ``step_s``."""
    return utc(span.starts_at_s // step_s * step_s), utc(-(-span.ends_at_s // step_s) * step_s)
