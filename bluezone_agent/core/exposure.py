"""What a match means to the owner: the day, how long, how close, and of whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bluezone_agent.core.attenuation import HeardMinute
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import MINUTE_S, day_start_s
from bluezone_agent.core.risk import ProximityRule

ENCOUNTER_GAP_MIN: Final = 5
"""Minutes without a sighting after which a new encounter begins (the longest gap between two scans of a phone)."""


class Degree(StrEnum):
    """The owner's own degree in Vietnam's count: F0 is the case, F1 was near an F0, F2 near an F1."""

    F1 = "F1"
    F2 = "F2"

    @classmethod
    def by(cls, report_type: ReportType) -> Degree:
        """Return what being near the owner of a key with this report type makes of one."""
        return cls.F2 if report_type is ReportType.RECURSIVE else cls.F1


@dataclass(frozen=True, slots=True)
class Encounter:
    """A stretch of a day in which one person's beacons were heard without a long gap."""

    starts_at_s: int
    ends_at_s: int
    near_minutes: float
    closest_db: float
    """The lowest attenuation of a minute."""
    typical_db: float
    """The median attenuation of its minutes."""


@dataclass(frozen=True, slots=True)
class DayExposure:
    """Everything heard on one UTC day of published keys of one degree, and what the rule makes of it."""

    day_start_s: int
    degree: Degree
    keys: int
    """Published keys that were heard; a person has one for each day, and one more for each cut."""
    heard_minutes: int
    near_minutes: float
    encounters: tuple[Encounter, ...]
    warns: bool
    rule: str


def day_exposures(heard: Iterable[tuple[ReportType, Sequence[HeardMinute]]], rule: ProximityRule) -> list[DayExposure]:
    """Sum up matched keys, each with its merged minutes, by UTC day and degree; oldest day first.

    A minute near two people at once is one minute, as near as the nearer of them.
    """
    groups: dict[tuple[int, Degree], list[list[HeardMinute]]] = {}
    for report_type, minutes in heard:
        days: dict[int, list[HeardMinute]] = {}
        for m in minutes:
            days.setdefault(day_start_s(m.minute * MINUTE_S), []).append(m)
        for day, its_minutes in days.items():
            groups.setdefault((day, Degree.by(report_type)), []).append(its_minutes)
    return [_day_exposure(day, degree, keys, rule) for (day, degree), keys in sorted(groups.items())]


def _day_exposure(day: int, degree: Degree, keys: list[list[HeardMinute]], rule: ProximityRule) -> DayExposure:
    nearest: dict[int, HeardMinute] = {}
    for m in (m for minutes in keys for m in minutes):
        if m.minute not in nearest or m.attenuation_db < nearest[m.minute].attenuation_db:
            nearest[m.minute] = m
    near_minutes = rule.near_minutes(list(nearest.values()))
    encounters = sorted(
        (e for minutes in keys for e in _encounters(minutes, rule)), key=lambda e: (e.starts_at_s, e.ends_at_s)
    )
    warns = near_minutes >= rule.warning_minutes
    return DayExposure(day, degree, len(keys), len(nearest), near_minutes, tuple(encounters), warns, rule.name)


def _encounters(minutes: list[HeardMinute], rule: ProximityRule) -> list[Encounter]:
    runs: list[list[HeardMinute]] = []
    for m in sorted(minutes, key=lambda m: m.minute):
        if runs and m.minute - runs[-1][-1].minute <= ENCOUNTER_GAP_MIN:
            runs[-1].append(m)
        else:
            runs.append([m])
    return [_encounter(run, rule) for run in runs]


def _encounter(run: list[HeardMinute], rule: ProximityRule) -> Encounter:
    attenuations = sorted(m.attenuation_db for m in run)
    return Encounter(
        run[0].minute * MINUTE_S,
        (run[-1].minute + 1) * MINUTE_S,
        rule.near_minutes(run),
        attenuations[0],
        attenuations[len(attenuations) // 2],
    )
