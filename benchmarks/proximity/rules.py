"""What is compared: the agent's models, and thresholds on an average. Each says of a window how near it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.proximity.tidy import Floats, Pair, Window
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.core.risk.learned import stand_in_indexes

NOTHING_RECEIVED_DB = 120.0
Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]


class Rule(Protocol):
    """How near a window was."""

    @property
    def name(self) -> str:
        """For the table."""

    def scores(self, windows: Sequence[Window]) -> Floats:
        """Return one number a window: the higher, the nearer."""

    def is_near(self, scores: Floats) -> Bools:
        """Decide for each score."""

    def minutes(self, windows: Sequence[Window]) -> Floats:
        """Return the minutes within 2 m of each window."""


class Weighing:
    """A model of the agent: each minute counts for its weight, or for that of the scan that stands for it.

    A window is near where its minutes count, on average, for half of what the nearest count for.
    """

    def __init__(self, model: RiskModel) -> None:
        self._model = model
        self.name = model.name
        self._most = max(model.weigh([ReceivedMinute(t, 0.0, 10_000) for t in range(31)]).values())
        self._weights: dict[Pair, dict[int, float]] = {}

    def scores(self, windows: Sequence[Window]) -> Floats:
        return self.minutes(windows) / np.array([w.length_s / 60 for w in windows], dtype=np.float64)

    def is_near(self, scores: Floats) -> Bools:
        return scores >= 0.5

    def minutes(self, windows: Sequence[Window]) -> Floats:
        return np.array(
            [sum(self._weigh(w.pair).get(t, 0.0) for t in range(*w.minutes)) / self._most for w in windows],
            dtype=np.float64,
        )

    def _weigh(self, pair: Pair) -> dict[int, float]:
        """Weigh all minutes of a pair at once: a model may look beyond the window."""
        if pair not in self._weights:
            weights = self._model.weigh(pair.minutes)
            scans = stand_in_indexes(pair.minutes)
            self._weights[pair] = {t: weights.get(t, weights[pair.minutes[i].minute]) for t, i in scans.items()}
        return self._weights[pair]


@dataclass(frozen=True)
class Threshold:
    """One attenuation below which a window is near."""

    name: str
    average: Callable[[Floats], float]
    limit_db: float

    @classmethod
    def chosen(cls, name: str, average: Callable[[Floats], float], windows: Sequence[Window]) -> Threshold:
        """Choose the limit where P_miss + P_fa is least."""
        scores = cls(name, average, 0.0).scores(windows)
        near = np.array([w.is_near for w in windows])
        limits = np.arange(-90.0, -30.0, 0.5)
        costs = [(scores[near] < limit).mean() + (scores[~near] >= limit).mean() for limit in limits]
        return cls(name, average, -float(limits[int(np.argmin(costs))]))

    def scores(self, windows: Sequence[Window]) -> Floats:
        return np.array([-self._of(w, w.packets) for w in windows], dtype=np.float64)

    def is_near(self, scores: Floats) -> Bools:
        return scores >= -self.limit_db

    def minutes(self, windows: Sequence[Window]) -> Floats:
        return np.array(
            [sum(self._of(w, w.packets_of(i)) <= self.limit_db for i in instances(w)) for w in windows],
            dtype=np.float64,
        )

    def _of(self, window: Window, packets: slice) -> float:
        received = window.pair.attenuation_db[packets]
        return self.average(received) if len(received) else NOTHING_RECEIVED_DB


def instances(window: Window) -> list[int]:
    """Return, for each of the window's minutes for which anything heard stands, which of the pair's minutes that is.

    A scan stands for the minutes since the one before, where those are at most 5.
    """
    stand_ins = stand_in_indexes(window.pair.minutes)
    return [stand_ins[t] for t in range(*window.minutes) if t in stand_ins]


def power_average(attenuation_db: Floats) -> float:
    """Average the received power, not the decibels."""
    return float(-10 * np.log10(np.mean(10 ** (-attenuation_db / 10))))


def mean(attenuation_db: Floats) -> float:
    """Average the decibels."""
    return float(np.mean(attenuation_db))
