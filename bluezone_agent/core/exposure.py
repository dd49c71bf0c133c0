"""What a match means for the owner: the day, how long, how close, whose key, and why."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.calendars import UTC_CALENDAR, Calendar
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import DAY_S, MINUTE_S

if TYPE_CHECKING:
    from bluezone_agent.core.risk import RiskModel  # callers that score need the presets

ENCOUNTER_GAP_MIN: Final = 5
"""Minutes without a sighting after which a new encounter begins (the longest gap between two scans of a phone)."""
DAY_MIN: Final = DAY_S // MINUTE_S
LONGEST_WINDOW_MIN: Final = 30
"""The maximum length of an exposure window (Exposure Notifications API)."""


class ReceivedKey(Protocol):
    """A published key that was received."""

    @property
    def report_type(self) -> ReportType:
        """Why it was published."""

    @property
    def days_since_onset(self) -> int | None:
        """Days since onset for its day; None when the key does not state it."""

    @property
    def minutes(self) -> Sequence[ReceivedMinute]:
        """When it was received, one entry per minute, in order."""


class Degree(StrEnum):
    """The owner's degree in Vietnam's scheme: F0 is the case, F1 was near an F0, F2 near an F1."""

    F1 = "F1"
    F2 = "F2"

    @classmethod
    def by(cls, report_type: ReportType) -> Degree:
        """Return the degree of somebody who was near the owner of a key with this report type."""
        return cls.F2 if report_type is ReportType.RECURSIVE else cls.F1


class ExposureWindow(msgspec.Struct, frozen=True):
    """Up to 30 minutes near one key without a long gap, with the weight of each minute.

    A minute corresponds to a scan instance of Exposure Notification: its typical attenuation is the minute's, and it
    stands for 60 s, since this scanner scans continuously.
    """

    report_type: ReportType
    days_since_onset: int | None
    minutes: tuple[ReceivedMinute, ...]
    weights: tuple[float, ...]
    """The weight of each minute, before the factor."""
    unheard: tuple[tuple[int, float], ...]
    """(Minute, weight) of minutes without reception, between and just before the others, that the model counts too."""
    factor: float
    """The factor for the type of key."""

    @property
    def starts_at_s(self) -> int:
        """Start of its first minute."""
        return self.minutes[0].minute * MINUTE_S

    @property
    def ends_at_s(self) -> int:
        """End of its last minute."""
        return (self.minutes[-1].minute + 1) * MINUTE_S

    @property
    def score(self) -> float:
        """Weighted minutes."""
        return self.factor * self.weight

    @property
    def weight(self) -> float:
        """The sum of its minutes' weights, before the factor."""
        return sum(self.weights) + self.unheard_weight

    @property
    def unheard_weight(self) -> float:
        """The weight of the minutes without reception, before the factor."""
        return sum(weight for _, weight in self.unheard)


class Encounter(msgspec.Struct, frozen=True):
    """A part of a day in which one key's identifiers were received without a long gap."""

    starts_at_s: int
    ends_at_s: int
    near_minutes: float
    """Weighted by the model."""
    closest_db: float
    """The lowest attenuation of any minute."""
    typical_db: float
    """The median attenuation of its minutes."""


class DayExposure(msgspec.Struct, frozen=True):
    """Everything received on one day from published keys of one degree, and the model's result."""

    day: date
    """The owner's local day, or the UTC day if the model sums UTC days."""
    degree: Degree
    keys: int
    """Published keys that were received; a person has one per day, and one more for each key that ended early."""
    received_minutes: int
    day_minutes: float
    """For this day only, weighted by the model."""
    near_minutes: float
    """The model's score: the same, or the 24 hours most of which lie on this day if that is more."""
    encounters: tuple[Encounter, ...]
    windows: tuple[ExposureWindow, ...]
    """The same in windows of at most 30 minutes."""
    warns: bool
    rule: str
    rule_version: int
    """The version of the named model."""
    warning_minutes: float
    """The value of ``near_minutes`` that triggers a warning."""
    sd_minutes: float | None = None
    """Standard deviation of ``near_minutes``; None if the model states none."""
    utc_day: bool = False
    """Whether the model sums UTC days."""
    unbroken_minutes: float | None = None
    """The sum over any 24 hours, if the model sums UTC days and a UTC midnight falls into an encounter."""


def day_exposures(
    received: Iterable[ReceivedKey], model: RiskModel, calendar: Calendar = UTC_CALENDAR
) -> list[DayExposure]:
    """Sum up received keys by day and degree; oldest day first.

    A minute near two people at the same time is one minute, as near as the nearer one. Days are those of ``calendar``,
    and sums are taken over any 24 hours, so that no midnight splits an encounter; but a model that is published with
    UTC days keeps them.
    """
    days = UTC_CALENDAR if model.utc_days else calendar
    groups: dict[Degree, dict[date, list[list[ExposureWindow]]]] = {}
    for key in received:
        its = groups.setdefault(Degree.by(key.report_type), {})
        for day, windows in _windows(key, model, days).items():
            its.setdefault(day, []).append(windows)
    exposures = [exposure for degree, its in groups.items() for exposure in _degree_exposures(degree, its, model)]
    return sorted(exposures, key=lambda e: (e.day, e.degree))


def _windows(key: ReceivedKey, model: RiskModel, calendar: Calendar) -> dict[date, list[ExposureWindow]]:
    """Split one key's minutes into windows by day; the weight of a minute does not depend on the split."""
    minutes = sorted(key.minutes, key=lambda m: m.minute)
    weights = model.weigh([m for m in minutes if not m.protected])
    unheard = sorted(weights.keys() - {m.minute for m in minutes})
    weights |= {m.minute: 0.0 for m in minutes if m.protected}
    windows: list[list[ReceivedMinute]] = []
    days: list[date] = []
    for m in minutes:
        day = calendar.day(m.minute * MINUTE_S)
        if windows and day == days[-1] and _belongs(m, windows[-1][0], windows[-1][-1]):
            windows[-1].append(m)
        else:
            windows.append([m])
            days.append(day)
    bounds = [0, *(bisect_left(unheard, window[-1].minute) for window in windows)]
    by_day: dict[date, list[ExposureWindow]] = {}
    for day, window, (begin, end) in zip(days, windows, pairwise(bounds), strict=True):
        by_day.setdefault(day, []).append(
            ExposureWindow(
                key.report_type,
                key.days_since_onset,
                tuple(window),
                tuple(weights[m.minute] for m in window),
                tuple((t, weights[t]) for t in unheard[begin:end]),
                model.factor(key.report_type, key.days_since_onset),
            )
        )
    return by_day


def _belongs(m: ReceivedMinute, first: ReceivedMinute, last: ReceivedMinute) -> bool:
    return m.minute - last.minute <= ENCOUNTER_GAP_MIN and m.minute - first.minute < LONGEST_WINDOW_MIN


def _degree_exposures(
    degree: Degree, days: dict[date, list[list[ExposureWindow]]], model: RiskModel
) -> Iterator[DayExposure]:
    nearest = {day: _nearest(w for windows in keys for w in windows) for day, keys in days.items()}
    unbroken = most_in_24_hours(nearest)
    for day, keys in days.items():
        of_day = list(nearest[day].values())
        best = of_day if model.utc_days else max(of_day, unbroken.get(day, of_day), key=sum)
        windows = sorted((w for its in keys for w in its), key=lambda w: (w.starts_at_s, w.ends_at_s))
        received = {m.minute for w in windows for m in w.minutes}
        encounters = sorted((e for its in keys for e in _encounters(its)), key=lambda e: (e.starts_at_s, e.ends_at_s))
        yield DayExposure(
            day=day,
            degree=degree,
            keys=len(keys),
            received_minutes=len(received),
            day_minutes=sum(of_day),
            near_minutes=sum(best),
            encounters=tuple(encounters),
            windows=tuple(windows),
            warns=sum(best) >= model.warning_minutes,
            rule=model.name,
            rule_version=model.version,
            warning_minutes=model.warning_minutes,
            sd_minutes=model.sd_minutes(best),
            utc_day=model.utc_days,
            unbroken_minutes=(
                sum(max(unbroken.get(day, of_day), of_day, key=sum))
                if model.utc_days and _touches_midnight(day, days)
                else None
            ),
        )


def _nearest(windows: Iterable[ExposureWindow]) -> dict[int, float]:
    """Return the weight of each minute, from the key that was nearest in it, in order."""
    nearest: dict[int, float] = {}
    for w in windows:
        for t, weight in (*zip((m.minute for m in w.minutes), w.weights, strict=True), *w.unheard):
            nearest[t] = max(w.factor * weight, nearest.get(t, 0.0))
    return dict(sorted(nearest.items()))


def most_in_24_hours(nearest: Mapping[date, Mapping[int, float]]) -> dict[date, list[float]]:
    """Return the weights of the 24 hours with the highest sum, by the day on which most of that weight lies.

    ``nearest`` has each day's minutes with their weights. So each period of 24 hours is reported under one day, and an
    encounter over midnight is not reported twice; a day without such a period is not in the result.
    """
    minutes = sorted((t, weight, day) for day, its in nearest.items() for t, weight in its.items())
    best: dict[date, tuple[float, int, int]] = {}
    shares: dict[date, float] = {}
    first = 0
    for last, (t, weight, day) in enumerate(minutes):
        shares[day] = shares.get(day, 0.0) + weight
        while minutes[first][0] <= t - DAY_MIN:
            shares[minutes[first][2]] -= minutes[first][1]
            first += 1
        most_day = max(sorted(shares), key=lambda d: round(shares[d], 9))
        total = sum(shares.values())
        if total > best.get(most_day, (0.0, 0, 0))[0]:
            best[most_day] = total, first, last + 1
    return {day: [weight for _t, weight, _day in minutes[a:b]] for day, (_total, a, b) in best.items()}


def _touches_midnight(day: date, days: Mapping[date, list[list[ExposureWindow]]]) -> bool:
    """Return whether an encounter continues over the beginning or the end of ``day``."""

    def minutes(of: date) -> set[int]:
        return {m.minute for keys in days.get(of, ()) for w in keys for m in w.minutes}

    before, here, after = (minutes(day + timedelta(days=n)) for n in (-1, 0, 1))
    return any(
        earlier and later and min(later) - max(earlier) <= ENCOUNTER_GAP_MIN
        for earlier, later in ((before, here), (here, after))
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
