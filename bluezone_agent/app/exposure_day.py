"""A day with an exposure, as shown to people and programs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Self

import msgspec

from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.calendars import UTC_CALENDAR, Calendar
from bluezone_agent.core.exposure import DayExposure, Degree, Encounter, ExposureWindow
from bluezone_agent.stores.exposures import Warned

SHOWN_TO_S: Final = 300
"""Times of day are rounded to 5 minutes, to reveal less about who the case was."""


class ShownEncounter(Result, frozen=True, kw_only=True):
    """A period of one day near one person."""

    day: date
    """The local day on which it began."""
    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")
    utc_offset_s: int
    """Offset of local time from UTC at that time."""
    minutes_within_2m: float
    closest_attenuation_db: int
    typical_attenuation_db: int


class ExposureDay(Result, frozen=True, kw_only=True):
    """Everything received on one day from diagnosis keys of one degree."""

    day: date
    """The local day, or the UTC day if the rule sums UTC days."""
    utc_day: bool
    degree: Degree
    warning: bool
    warned_at: datetime | None
    """When the owner was warned about it."""
    keys_received: int
    received_minutes: int
    minutes_on_this_day: float
    """Weighted by the rule."""
    minutes_within_2m: float
    """The same for this day or, if larger, for the 24 hours that lie mostly on this day."""
    needed_minutes: float
    """Threshold for a warning."""
    unbroken_minutes: float | None
    """Set if the rule sums UTC days and an encounter continues past midnight UTC: the maximum in any 24 hours."""
    rule: str
    rule_version: int
    encounters: tuple[ShownEncounter, ...]

    @classmethod
    def of(cls, day: DayExposure, calendar: Calendar = UTC_CALENDAR, warned: Warned | None = None) -> Self:
        """Return the answer for ``day``."""
        return cls(
            day=day.day,
            utc_day=day.utc_day,
            degree=day.degree,
            warning=day.warns,
            warned_at=None if warned is None else utc(warned.warned_at_s),
            keys_received=day.keys,
            received_minutes=day.received_minutes,
            minutes_on_this_day=round(day.day_minutes, 1),
            minutes_within_2m=round(day.near_minutes, 1),
            needed_minutes=day.warning_minutes,
            unbroken_minutes=None if day.unbroken_minutes is None else round(day.unbroken_minutes, 1),
            rule=day.rule,
            rule_version=day.rule_version,
            encounters=tuple(_shown(e, calendar) for e in day.encounters),
        )


def _shown(e: Encounter, calendar: Calendar) -> ShownEncounter:
    start, end = shown_times(e)
    return ShownEncounter(
        day=calendar.day(e.starts_at_s),
        start=start,
        end=end,
        utc_offset_s=calendar.offset_s(e.starts_at_s),
        minutes_within_2m=round(e.near_minutes, 1),
        closest_attenuation_db=round(e.closest_db),
        typical_attenuation_db=round(e.typical_db),
    )


def shown_times(span: Encounter | ExposureWindow, step_s: int = SHOWN_TO_S) -> tuple[datetime, datetime]:
    """Return start and end as shown, rounded outwards to ``step_s``."""
    return utc(span.starts_at_s // step_s * step_s), utc(-(-span.ends_at_s // step_s) * step_s)
