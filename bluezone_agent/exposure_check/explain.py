"""All that is known of one day: receptions of published cases, their weights, and when the device did not scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from bluezone_agent.core.calendars import UTC_CALENDAR, Calendar
from bluezone_agent.core.exposure import DayExposure, day_exposures
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.listening import Span, gaps
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.stores.calibrations import StoredCalibration
from bluezone_agent.stores.diary import StoredEntry
from bluezone_agent.stores.exposures import Warned
from bluezone_agent.stores.store import Store

MARGIN_S: Final = DAY_S + 3600
"""Before and after a day: 24 hours, and the minutes that a rule looks at around a minute."""


@dataclass(frozen=True, slots=True)
class Explained:
    """All that is known of one day of the owner."""

    day: date
    starts_at_s: int
    calendar: Calendar
    model: RiskModel
    exposures: list[DayExposure]
    warned: list[Warned]
    listened_s: int
    possible_s: int
    """Seconds of the day, until now."""
    gaps: list[Span]
    calibration: StoredCalibration | None
    diary: Sequence[StoredEntry] = ()
    """What the owner wrote about the day."""

    @property
    def listened_share(self) -> float:
        """The share of the day's time so far in which this device scanned."""
        return self.listened_s / self.possible_s


def explained(
    store: Store, model: RiskModel, day: date, now_s: float, *, calendar: Calendar, kept_since_s: float = 0
) -> Explained:
    """Read what ``store`` knows at ``now_s`` of the owner's ``day``, weighted by ``model``.

    A model that sums UTC days is asked for that UTC day. Nothing before ``kept_since_s`` is reported.
    """
    days = UTC_CALENDAR if model.utc_days else calendar
    start_s = days.starts_at_s(day)
    day_end_s = days.starts_at_s(day + timedelta(days=1))
    end_s = min(day_end_s, int(now_s))
    spans = [s for s in store.listening.since(start_s) if s.starts_at_s < end_s]
    # minutes more than 24 hours away have no part in the day's sum
    matched = store.exposures.matched(max(kept_since_s, start_s - MARGIN_S), day_end_s + MARGIN_S)
    exposures = day_exposures(matched, model, calendar)
    return Explained(
        day=day,
        starts_at_s=start_s,
        calendar=calendar,
        model=model,
        exposures=[exposure for exposure in exposures if exposure.day == day],
        warned=[w for w in store.exposures.warned(calendar.day(kept_since_s)) if w.day == day],
        listened_s=sum(min(s.ends_at_s, end_s) - s.starts_at_s for s in spans if s.listened),
        possible_s=max(1, end_s - start_s),
        gaps=gaps(spans, start_s, end_s) if end_s > start_s else [],
        calibration=calibration_in_force(store, now_s),
        diary=[entry for entry in store.diary.since(day) if entry.day == day],
    )
