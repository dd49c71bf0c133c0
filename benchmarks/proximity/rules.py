"""The rules that are compared. Each says of a window how near it was, and for how many of its minutes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np

from benchmarks.proximity.tidy import Floats, Window
from bluezone_agent.core.risk.gaen_v2 import GaenV2, presets

LONGEST_SINCE_SCAN_MIN = 5
UNKNOWN_SINCE_SCAN_MIN = 2
"""What a scan stands for (google/exposure-notifications-internals): the minutes since the one before, at most 5."""
NOTHING_HEARD_DB = 120.0


class Rule(Protocol):
    """How near a window was."""

    @property
    def name(self) -> str:
        """For the table."""

    def fit(self, windows: Sequence[Window]) -> None:
        """Choose what the rule has to choose, from windows that it is not judged by."""

    def scores(self, windows: Sequence[Window]) -> Floats:
        """Return one number a window: the higher, the nearer."""

    def is_near(self, scores: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Decide for each score."""

    def minutes(self, windows: Sequence[Window]) -> Floats:
        """Return the minutes within 2 m of each window."""


@dataclass
class Buckets:
    """A published rule of attenuation buckets, over the scan instances of each window."""

    model: GaenV2

    @property
    def name(self) -> str:
        return self.model.name

    def fit(self, windows: Sequence[Window]) -> None:
        """It is published: nothing is chosen."""

    def scores(self, windows: Sequence[Window]) -> Floats:
        return self.minutes(windows) / np.array([w.length_s / 60 for w in windows], dtype=np.float64)

    def is_near(self, scores: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return scores >= 0.5

    def minutes(self, windows: Sequence[Window]) -> Floats:
        return np.array([sum(n * self.weight(db) for db, n in instances(w)) for w in windows], dtype=np.float64)

    def weight(self, attenuation_db: float) -> float:
        """Return what a minute counts for, scaled so that the nearest bucket counts whole."""
        return self.model.bucket(attenuation_db)[1] / self.model.parameters.buckets[0][1]


@dataclass
class Threshold:
    """One attenuation below which a window is near, chosen where P_miss + P_fa is least."""

    name: str
    average: Callable[[Floats], float]
    limit_db: float = 0.0

    def fit(self, windows: Sequence[Window]) -> None:
        scores = self.scores(windows)
        near = np.array([w.is_near for w in windows])
        limits = np.arange(-90.0, -30.0, 0.5)
        costs = [(scores[near] < limit).mean() + (scores[~near] >= limit).mean() for limit in limits]
        self.limit_db = -float(limits[int(np.argmin(costs))])

    def scores(self, windows: Sequence[Window]) -> Floats:
        heard = (w.pair.attenuation_db[w.packets] for w in windows)
        return np.array([-self.average(db) if len(db) else -NOTHING_HEARD_DB for db in heard], dtype=np.float64)

    def is_near(self, scores: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return scores >= -self.limit_db

    def minutes(self, windows: Sequence[Window]) -> Floats:
        return np.array(
            [sum(n for db, n in instances(w, self.average) if db <= self.limit_db) for w in windows], dtype=np.float64
        )


def instances(window: Window, average: Callable[[Floats], float] | None = None) -> list[tuple[float, int]]:
    """Return the attenuation of each minute in which anything was heard, and the minutes that it stands for."""
    average = average or power_average
    pair, minutes = window.pair, []
    stamps = ((pair.t_s[window.packets] - window.starts_at_s) // 60).astype(int)
    levels = pair.attenuation_db[window.packets]
    before = window.packets.start - 1
    last = int((pair.t_s[before] - window.starts_at_s) // 60) if before >= 0 else -UNKNOWN_SINCE_SCAN_MIN
    for minute, group in groupby(range(len(stamps)), key=lambda i: int(stamps[i])):
        since = minute - last if minute - last <= LONGEST_SINCE_SCAN_MIN else UNKNOWN_SINCE_SCAN_MIN
        minutes.append((average(levels[list(group)]), since))
        last = minute
    return minutes


def power_average(attenuation_db: Floats) -> float:
    """Average the received power, not the decibels."""
    return float(-10 * np.log10(np.mean(10 ** (-attenuation_db / 10))))


def mean(attenuation_db: Floats) -> float:
    """Average the decibels."""
    return float(np.mean(attenuation_db))


def published_and_thresholds() -> list[Rule]:
    """Return the rules that choose nothing or one number, new."""
    return [
        Threshold("mean RSSI", mean),
        Threshold("power average", power_average),
        *(Buckets(model) for model in presets() if model.name != "cwa-1.15"),
    ]
