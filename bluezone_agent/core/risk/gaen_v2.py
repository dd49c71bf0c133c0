"""Exposure Notification's own model, version 2: minutes weighted by attenuation, report type and infectiousness.

A window's score is the sum over its scan instances of seconds x weight of the bucket of the typical attenuation, times
the weights of report type and infectiousness; a day's score is the sum over windows (Exposure Notifications API,
DailySummariesConfig), except that here a minute near two keys at the same time counts once. Presets are in
``gaen_v2_presets.py``; an operator's own TOML file has the same fields (``rule_file.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.risk.model import RiskModel
from bluezone_agent.errors import N_

Weight = Annotated[float, msgspec.Meta(ge=0, le=10)]
Day = Annotated[int, msgspec.Meta(ge=-14, le=14)]


class Infectiousness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days since the onset of symptoms, with their weights. Days in neither list have weight 0."""

    high: tuple[Day, ...]
    standard: tuple[Day, ...] = ()
    high_weight: Weight = 1.0
    standard_weight: Weight = 1.0
    unknown_weight: Annotated[float, msgspec.Meta(gt=0, le=10)] = 1.0
    """The weight if the key does not state the days: never 0."""


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One set of parameters."""

    buckets: tuple[tuple[float, Weight], ...]
    """(upper bound in dB, exclusive; weight), bounds ascending."""
    warning_minutes: Annotated[float, msgspec.Meta(gt=0, le=1440)]
    beyond: Weight = 0.0
    """Weight beyond the last bound."""
    infectiousness: Infectiousness | None = None
    """None: all days have the same weight."""
    report_types: dict[str, Weight] = {}
    """Name of a report type, in lower case → weight; 1 for types that are not named."""
    utc_days: bool = False
    """Whether UTC days are summed, as the Exposure Notifications API does, instead of any 24 hours."""

    def __post_init__(self) -> None:
        """Raise ValueError for bounds that are not ascending and for unknown names."""
        bounds = [bound for bound, _ in self.buckets]
        if not bounds or bounds != sorted(set(bounds)):
            raise ValueError("buckets need ascending bounds")
        if unknown := set(self.report_types) - {r.name.lower() for r in ReportType}:
            raise ValueError(f"there is no report type {min(unknown)!r}")


class GaenV2(RiskModel):
    """Exposure Notification's model with one set of parameters."""

    def __init__(self, name: str, parameters: Parameters) -> None:
        self.name = name
        self.parameters = parameters
        self.warning_minutes = parameters.warning_minutes
        self.utc_days = parameters.utc_days
        self.summary = N_(
            "Exposure Notification's weighted minutes: the weight of a minute depends on its "
            "attenuation, the report type and the days since symptom onset"
        )

    def weigh(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return each minute's weight by its bucket; scanning is continuous, so each minute stands for 60 s."""
        return {m.minute: self.bucket(m.attenuation_db)[1] for m in minutes}

    def bucket(self, attenuation_db: float) -> tuple[float | None, float]:
        """Return the bucket's upper bound in dB, None for the last one, and its weight."""
        inside = ((bound, weight) for bound, weight in self.parameters.buckets if attenuation_db < bound)
        return next(inside, (None, self.parameters.beyond))

    def factor(self, report_type: ReportType, days_since_onset: int | None) -> float:
        """Return the weight of the report type times that of the infectiousness."""
        weight = self.parameters.report_types.get(report_type.name.lower(), 1.0)
        days = self.parameters.infectiousness
        if days is None:
            return weight
        if days_since_onset is None:
            return weight * days.unknown_weight
        if days_since_onset in days.high:
            return weight * days.high_weight
        return weight * days.standard_weight if days_since_onset in days.standard else 0.0
