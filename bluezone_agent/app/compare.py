"""Several rules applied to the same history or the same recording."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import judged_now, kept_since_s, owner_calendar
from bluezone_agent.app.result import Result
from bluezone_agent.config import risk_model
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.exposure import DayExposure, Degree, day_exposures
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.radios.recorded.measurements import read_measurements
from bluezone_agent.scenarios.room import Score, replay_room
from bluezone_agent.stores.store import Store


class RuleDay(Result, frozen=True, kw_only=True):
    """The result of one rule for one day."""

    rule: str
    rule_version: int
    weighted_minutes: float
    needed_minutes: float
    unbroken_minutes: float | None
    """Set if the rule sums UTC days and an encounter continues past midnight UTC: the maximum in any 24 hours."""
    warning: bool


class ComparedTerm(Result, frozen=True, kw_only=True):
    """Minutes with the same weight under each rule."""

    weights: tuple[float, ...]
    """In the order of the rules."""
    lowest_db: float
    highest_db: float
    minutes: int


class ComparedDay(Result, frozen=True, kw_only=True):
    """One local day and one degree under every rule."""

    day: date
    degree: Degree
    differs: bool
    """Whether some rules warn and others don't."""
    rules: tuple[RuleDay, ...]
    terms: tuple[ComparedTerm, ...]
    unheard_weights: tuple[float, ...]
    """Weight under each rule of the minutes between received ones."""


class Comparison(Result, frozen=True, kw_only=True):
    """Every day with an exposure, under every rule."""

    rules: tuple[str, ...]
    days: tuple[ComparedDay, ...]


class RuleScore(Result, frozen=True, kw_only=True):
    """How often a rule was right about the receivers of a recording."""

    rule: str
    warned_near: int
    warned_far: int
    missed_near: int
    quiet_far: int


class RoomComparison(Result, frozen=True, kw_only=True):
    """A recording under every rule."""

    rules: tuple[RuleScore, ...]


def compare(device: Device, rules: Sequence[str], days: int) -> Comparison:
    """Compare rules on the stored data of the last ``days`` days; raises ConfigError for an unknown rule."""
    models, config = _models(rules), configuration(device)
    with Store(device.state_dir) as store:
        now, calendar = judged_now(config, store), owner_calendar(store)
        matched = store.exposures.matched(max(kept_since_s(now), now.wall_s - days * DAY_S if now.trusted else 0.0))
    verdicts = [day_exposures(matched, m, calendar) for m in models]
    # the weight of a minute does not depend on where days begin, so all rules can be shown by local days
    weighed = [day_exposures(matched, _BySameDays(m), calendar) for m in models]
    return Comparison(
        rules=tuple(m.name for m in models),
        days=tuple(_compared(its, verdicts, calendar) for its in zip(*weighed, strict=True)),
    )


class _BySameDays(RiskModel):
    """A rule with its own weights, but always summed over local days."""

    def __init__(self, model: RiskModel) -> None:
        self._model = model
        self.name, self.summary, self.warning_minutes = model.name, model.summary, model.warning_minutes

    def weigh(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        return self._model.weigh(minutes)

    def factor(self, report_type: ReportType, days_since_onset: int | None) -> float:
        return self._model.factor(report_type, days_since_onset)


def compare_room(device: Device, rules: Sequence[str], recording: Path) -> RoomComparison:
    """Compare rules on the receivers of a measured room; raises ConfigError, RecordingError."""
    models, config = _models(rules), configuration(device)
    tracks, protocol = read_measurements(recording), PROTOCOLS[config.protocol]
    return RoomComparison(
        rules=tuple(
            _score(m.name, Score.of(list(replay_room(tracks, protocol, m, tx_power_dbm=config.tx_power_dbm))))
            for m in models
        )
    )


def _models(rules: Sequence[str]) -> list[RiskModel]:
    return [risk_model(rule, "--rule") for rule in dict.fromkeys(rules)]


def _score(rule: str, score: Score) -> RuleScore:
    return RuleScore(
        rule=rule,
        warned_near=score.warned_near,
        warned_far=score.warned_far,
        missed_near=score.missed_near,
        quiet_far=score.quiet_far,
    )


def _compared(its: Sequence[DayExposure], verdicts: Sequence[Sequence[DayExposure]], calendar: Calendar) -> ComparedDay:
    unheard = (sum(w.factor * w.unheard_weight for w in day.windows) for day in its)
    day, degree = its[0].day, its[0].degree
    rules = tuple(_rule_day(_on(day, degree, own, calendar)) for own in verdicts)
    return ComparedDay(
        day=day,
        degree=degree,
        differs=len({rule.warning for rule in rules}) > 1,
        rules=rules,
        terms=tuple(_terms(its)),
        unheard_weights=tuple(round(weight, 2) for weight in unheard),
    )


def _on(day: date, degree: Degree, exposures: Sequence[DayExposure], calendar: Calendar) -> DayExposure:
    """Return the rule's day with the highest score among those with an encounter on the local ``day``."""
    its = [e for e in exposures if e.degree is degree and any(calendar.day(w.starts_at_s) == day for w in e.windows)]
    return max(its, key=lambda e: e.near_minutes)


def _rule_day(day: DayExposure) -> RuleDay:
    return RuleDay(
        rule=day.rule,
        rule_version=day.rule_version,
        weighted_minutes=round(day.near_minutes, 2),
        needed_minutes=day.warning_minutes,
        unbroken_minutes=None if day.unbroken_minutes is None else round(day.unbroken_minutes, 2),
        warning=day.warns,
    )


def _terms(its: Sequence[DayExposure]) -> list[ComparedTerm]:
    """Return the minutes grouped by their weights under the rules, lowest attenuation first."""
    groups: dict[tuple[float, ...], list[float]] = {}
    for windows in zip(*(day.windows for day in its), strict=True):
        for at, m in enumerate(windows[0].minutes):
            weights = tuple(round(w.factor * w.weights[at], 2) for w in windows)
            groups.setdefault(weights, []).append(m.attenuation_db)
    return [
        ComparedTerm(weights=weights, lowest_db=round(min(db), 1), highest_db=round(max(db), 1), minutes=len(db))
        for weights, db in sorted(groups.items(), key=lambda g: min(g[1]))
    ]
