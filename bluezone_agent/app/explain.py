"""One day in detail, so that its score can be recalculated by hand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

import msgspec

from bluezone_agent.app.configuration import configuration, rule_in_force
from bluezone_agent.app.device import Device
from bluezone_agent.app.diary_entry import DiaryEntry
from bluezone_agent.app.exposure_answer import AuthorityContact
from bluezone_agent.app.exposure_day import shown_times
from bluezone_agent.app.exposures import authority_contact
from bluezone_agent.app.listening import Gap
from bluezone_agent.app.owner_time import judged_now, kept_since_s, owner_calendar
from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.exposure import DayExposure, Degree, ExposureWindow
from bluezone_agent.exposure_check.explain import Explained, explained
from bluezone_agent.stores.calibrations import StoredCalibration
from bluezone_agent.stores.exposures import Warned
from bluezone_agent.stores.store import Store

__all__ = ["Explained", "Explanation", "StoredCalibration", "explain", "terms"]


class Term(Result, frozen=True, kw_only=True):
    """Minutes of a window with the same weight."""

    minutes: int
    weight: float
    protected: bool
    """The owner was protected in these minutes, so their weight is 0."""
    lowest_db: float
    highest_db: float


class SilentMinutes(Result, frozen=True, kw_only=True):
    """Minutes between received ones that the rule counts as well."""

    minutes: int
    weight: float


class ExplainedWindow(Result, frozen=True, kw_only=True):
    """Up to 30 minutes near one key."""

    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")
    report_type: str
    days_since_onset: int | None
    factor: float
    """Factor for report type and infectiousness."""
    score: float
    """Weighted minutes: the sum of the terms times the factor."""
    sightings: int
    terms: tuple[Term, ...]
    unheard: SilentMinutes


class ExplainedExposure(Result, frozen=True, kw_only=True):
    """The rule's result for the day, for keys of one degree."""

    degree: Degree
    weighted_minutes: float
    minutes_on_this_day: float
    """Of these; the others are of the same 24 hours."""
    unbroken_minutes: float | None
    """Set if the rule sums UTC days and an encounter continues past midnight UTC: the maximum in any 24 hours."""
    sd_minutes: float | None
    """Standard deviation of the weighted minutes, where the rule states one."""
    needed_minutes: float
    warning: bool
    windows: tuple[ExplainedWindow, ...]


class GivenWarning(Result, frozen=True, kw_only=True):
    """A warning that was given to the owner."""

    at: datetime
    degree: str
    weighted_minutes: float
    rule: str
    rule_version: int


class Explanation(Result, frozen=True, kw_only=True):
    """Everything known about one local day, or about one UTC day if the rule sums UTC days."""

    day: date
    utc_day: bool
    listened_share: float
    """Share of the day so far in which the device scanned."""
    not_listening: tuple[Gap, ...]
    rule: str
    rule_version: int
    rssi_correction_db: float | None
    """Correction of the calibration in force; None without one."""
    exposures: tuple[ExplainedExposure, ...]
    warned: tuple[GivenWarning, ...]
    diary: tuple[DiaryEntry, ...]
    """The owner's notes about the day."""

    @classmethod
    def of(cls, found: Explained, step_s: int) -> Self:
        """Return the answer for ``found``, with times of day rounded to ``step_s``."""
        c = found.calibration
        return cls(
            day=found.day,
            utc_day=found.model.utc_days,
            listened_share=round(found.listened_share, 3),
            not_listening=tuple(map(Gap.of, found.gaps)),
            rule=found.model.name,
            rule_version=found.model.version,
            rssi_correction_db=None if c is None else c.calibration.rssi_correction_db,
            exposures=tuple(_exposure(day, step_s) for day in found.exposures),
            warned=tuple(map(_warning, found.warned)),
            diary=tuple(map(DiaryEntry.of, found.diary)),
        )


def explain(device: Device, day: date) -> tuple[Explained, AuthorityContact | None]:
    """Return everything known about a day, and the contact of the health authority."""
    config = configuration(device)
    with Store(device.state_dir) as store:
        now = judged_now(config, store)
        found = explained(
            store,
            rule_in_force(config),
            day,
            now.wall_s,
            calendar=owner_calendar(store),
            kept_since_s=kept_since_s(now),
        )
    return found, authority_contact(config)


def terms(w: ExposureWindow) -> list[tuple[float | None, float, float, int]]:
    """Return a window's minutes grouped by weight, to hundredths: (weight, lowest and highest attenuation, minutes).

    Minutes in which the owner was protected come last, with the weight None.
    """
    groups: dict[float | None, list[float]] = {}
    for m, weight in zip(w.minutes, w.weights, strict=True):
        groups.setdefault(None if m.protected else round(weight, 2), []).append(m.attenuation_db)
    ordered = sorted(groups.items(), key=lambda group: -1 if group[0] is None else group[0], reverse=True)
    return [(weight, min(levels), max(levels), len(levels)) for weight, levels in ordered]


def _exposure(day: DayExposure, step_s: int) -> ExplainedExposure:
    return ExplainedExposure(
        degree=day.degree,
        weighted_minutes=round(day.near_minutes, 2),
        minutes_on_this_day=round(day.day_minutes, 2),
        unbroken_minutes=None if day.unbroken_minutes is None else round(day.unbroken_minutes, 2),
        sd_minutes=None if day.sd_minutes is None else round(day.sd_minutes, 2),
        needed_minutes=day.warning_minutes,
        warning=day.warns,
        windows=tuple(_window(w, step_s) for w in day.windows),
    )


def _warning(w: Warned) -> GivenWarning:
    return GivenWarning(
        at=utc(w.warned_at_s),
        degree=w.degree,
        weighted_minutes=round(w.near_minutes, 2),
        rule=w.rule,
        rule_version=w.rule_version,
    )


def _window(w: ExposureWindow, step_s: int) -> ExplainedWindow:
    start, end = shown_times(w, step_s)
    return ExplainedWindow(
        start=start,
        end=end,
        report_type=w.report_type.name.lower(),
        days_since_onset=w.days_since_onset,
        factor=w.factor,
        score=round(w.score, 2),
        sightings=sum(m.count for m in w.minutes),
        terms=tuple(
            Term(
                minutes=n,
                weight=weight or 0.0,
                protected=weight is None,
                lowest_db=round(low, 1),
                highest_db=round(high, 1),
            )
            for weight, low, high, n in terms(w)
        ),
        unheard=SilentMinutes(minutes=len(w.unheard), weight=round(w.unheard_weight, 2)),
    )
