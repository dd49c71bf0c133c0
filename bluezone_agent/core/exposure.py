"""What a match means to the owner: the day, how long, how close, of whom, and why."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import MINUTE_S, day_start_s

if TYPE_CHECKING:
    from bluezone_agent.core.risk import RiskModel  # presets are read by whoever scores

ENCOUNTER_GAP_MIN: Final = 5
"""Minutes without a sighting after which a new encounter begins (the longest gap between two scans of a phone)."""
LONGEST_WINDOW_MIN: Final = 30
"""An exposure window is at most this long (Exposure Notifications API)."""


class ReceivedKey(Protocol):
    """A published key that was heard."""

    @property
    def report_type(self) -> ReportType:
        """Why it was published."""

    @property
    def days_since_onset(self) -> int | None:
        """Of its day; None where the key does not say."""

    @property
    def minutes(self) -> Sequence[ReceivedMinute]:
        """When it was heard, one entry a minute, in order."""


class Degree(StrEnum):
    """The owner's own degree in Vietnam's count: F0 is the case, F1 was near an F0, F2 near an F1."""

    F1 = "F1"
    F2 = "F2"

    @classmethod
    def by(cls, report_type: ReportType) -> Degree:
        """Return what being near the owner of a key with this report type makes of one."""
        return cls.F2 if report_type is ReportType.RECURSIVE else cls.F1


class ExposureWindow(msgspec.Struct, frozen=True):
    """Up to 30 minutes near one key without a long gap, and what each minute weighs.

    A minute is a scan instance of Exposure Notification: its typical attenuation is the minute's, and it stands for
    60 s, since this scanner never rests.
    """

    report_type: ReportType
    days_since_onset: int | None
    minutes: tuple[ReceivedMinute, ...]
    weights: tuple[float, ...]
    """Of each minute, before the factor."""
    unheard: tuple[tuple[int, float], ...]
    """(Minute, weight) of those between and just before them that the model counts too."""
    factor: float
    """For whose key it is."""

    @property
    def starts_at_s(self) -> int:
        """When its first minute begins."""
        return self.minutes[0].minute * MINUTE_S

    @property
    def ends_at_s(self) -> int:
        """When its last minute is over."""
        return (self.minutes[-1].minute + 1) * MINUTE_S

    @property
    def score(self) -> float:
        """Weighted minutes."""
        return self.factor * self.weight

    @property
    def weight(self) -> float:
        """What all its minutes weigh before the factor."""
        return sum(self.weights) + self.unheard_weight

    @property
    def unheard_weight(self) -> float:
        """What the unheard ones weigh before the factor."""
        return sum(weight for _, weight in self.unheard)


class Encounter(msgspec.Struct, frozen=True):
    """A stretch of a day in which one person's beacons were heard without a long gap."""

    starts_at_s: int
    ends_at_s: int
    near_minutes: float
    """Weighted by the model."""
    closest_db: float
    """The lowest attenuation of a minute."""
    typical_db: float
    """The median attenuation of its minutes."""


class DayExposure(msgspec.Struct, frozen=True):
    """Everything heard on one UTC day of published keys of one degree, and what a model makes of it."""

    day_start_s: int
    degree: Degree
    keys: int
    """Published keys that were heard; a person has one for each day, and one more for each cut."""
    received_minutes: int
    near_minutes: float
    """Weighted by the model: its score."""
    encounters: tuple[Encounter, ...]
    windows: tuple[ExposureWindow, ...]
    """The same in pieces of at most 30 minutes."""
    warns: bool
    rule: str
    rule_version: int
    """Of the model that is named."""
    warning_minutes: float
    """What ``near_minutes`` has to reach."""
    sd_minutes: float | None = None
    """Standard deviation of ``near_minutes``; None where the model states none."""


def day_exposures(received: Iterable[ReceivedKey], model: RiskModel) -> list[DayExposure]:
    """Sum up matched keys by UTC day and degree; oldest day first.

    A minute near two people at once is one minute, as near as the nearer of them.
    """
    groups: dict[tuple[int, Degree], list[list[ExposureWindow]]] = {}
    for key in received:
        days: dict[int, list[ReceivedMinute]] = {}
        for m in key.minutes:
            days.setdefault(day_start_s(m.minute * MINUTE_S), []).append(m)
        for day, minutes in days.items():
            groups.setdefault((day, Degree.by(key.report_type)), []).append(_windows(key, minutes, model))
    return [_day_exposure(day, degree, keys, model) for (day, degree), keys in sorted(groups.items())]


def _windows(key: ReceivedKey, minutes: list[ReceivedMinute], model: RiskModel) -> list[ExposureWindow]:
    """Cut one key's day into windows; what each minute weighs does not depend on where they are cut."""
    minutes = sorted(minutes, key=lambda m: m.minute)
    weights = model.weigh([m for m in minutes if not m.protected])
    unheard = sorted(weights.keys() - {m.minute for m in minutes})
    weights |= {m.minute: 0.0 for m in minutes if m.protected}
    windows: list[list[ReceivedMinute]] = []
    for m in minutes:
        if windows and _belongs(m, windows[-1][0], windows[-1][-1]):
            windows[-1].append(m)
        else:
            windows.append([m])
    bounds = [0, *(bisect_left(unheard, window[-1].minute) for window in windows)]
    return [
        ExposureWindow(
            key.report_type,
            key.days_since_onset,
            tuple(window),
            tuple(weights[m.minute] for m in window),
            tuple((t, weights[t]) for t in unheard[begin:end]),
            model.factor(key.report_type, key.days_since_onset),
        )
        for window, (begin, end) in zip(windows, pairwise(bounds), strict=True)
    ]


def _belongs(m: ReceivedMinute, first: ReceivedMinute, last: ReceivedMinute) -> bool:
    return m.minute - last.minute <= ENCOUNTER_GAP_MIN and m.minute - first.minute < LONGEST_WINDOW_MIN


def _day_exposure(day: int, degree: Degree, keys: list[list[ExposureWindow]], model: RiskModel) -> DayExposure:
    received: set[int] = set()
    nearest: dict[int, float] = {}
    for w in (w for windows in keys for w in windows):
        received.update(m.minute for m in w.minutes)
        for t, weight in (*zip((m.minute for m in w.minutes), w.weights, strict=True), *w.unheard):
            nearest[t] = max(w.factor * weight, nearest.get(t, 0.0))
    score = sum(nearest.values())
    encounters = sorted(
        (e for windows in keys for e in _encounters(windows)), key=lambda e: (e.starts_at_s, e.ends_at_s)
    )
    windows = sorted((w for windows in keys for w in windows), key=lambda w: (w.starts_at_s, w.ends_at_s))
    return DayExposure(
        day,
        degree,
        len(keys),
        len(received),
        score,
        tuple(encounters),
        tuple(windows),
        score >= model.warning_minutes,
        model.name,
        model.version,
        model.warning_minutes,
        model.sd_minutes(list(nearest.values())),
    )


def _encounters(windows: list[ExposureWindow]) -> list[Encounter]:
    runs: list[list[ExposureWindow]] = []
    for window in windows:
        if runs and window.minutes[0].minute - runs[-1][-1].minutes[-1].minute <= ENCOUNTER_GAP_MIN:
            runs[-1].append(window)
        else:
            runs.append([window])
    return [_encounter(run) for run in runs]


def _encounter(run: list[ExposureWindow]) -> Encounter:
    attenuations = sorted(m.attenuation_db for window in run for m in window.minutes)
    return Encounter(
        run[0].starts_at_s,
        run[-1].ends_at_s,
        sum(window.score for window in run),
        attenuations[0],
        attenuations[len(attenuations) // 2],
    )
