"""All that is known of one day: what was heard of published cases, what it weighs, and when nobody listened."""

from __future__ import annotations

from dataclasses import dataclass

from bluezone_agent.core.exposure import DayExposure, day_exposures
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.listening import Span, gaps
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.stores.calibrations import StoredCalibration
from bluezone_agent.stores.exposures import Warned
from bluezone_agent.stores.store import Store


@dataclass(frozen=True, slots=True)
class Explained:
    """All that is known of one UTC day."""

    day_start_s: int
    model: RiskModel
    exposures: list[DayExposure]
    warned: list[Warned]
    listened_s: int
    possible_s: int
    """Of the day, until now."""
    gaps: list[Span]
    calibration: StoredCalibration | None

    @property
    def listened_share(self) -> float:
        """The share of the day's time so far in which this device listened."""
        return self.listened_s / self.possible_s


def explained(store: Store, model: RiskModel, day_start_s: int, now_s: float) -> Explained:
    """Read what ``store`` knows at ``now_s`` of the day, weighed by ``model``."""
    end_s = min(day_start_s + DAY_S, int(now_s))
    spans = [s for s in store.listening.since(day_start_s) if s.starts_at_s < end_s]
    return Explained(
        day_start_s=day_start_s,
        model=model,
        exposures=day_exposures(store.exposures.matched(day_start_s, day_start_s + DAY_S), model),
        warned=[w for w in store.exposures.warned() if w.day_start_s == day_start_s],
        listened_s=sum(min(s.ends_at_s, end_s) - s.starts_at_s for s in spans if s.listened),
        possible_s=max(1, end_s - day_start_s),
        gaps=gaps(spans, day_start_s, end_s) if end_s > day_start_s else [],
        calibration=calibration_in_force(store, now_s),
    )
