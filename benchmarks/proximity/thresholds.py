"""Thresholds on an average, which are chosen on other scenes: what the agent's rules are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from bluezone_agent.core.risk.learned import stand_in_indexes
from bluezone_agent.trials.scoring.known_time import Bools, Floats
from bluezone_agent.trials.scoring.pairs import JudgedWindow, Pair

NOTHING_RECEIVED_DB = 120.0


@dataclass(frozen=True)
class Threshold:
    """One attenuation below which a window is near."""

    name: str
    average: Callable[[Floats], float]
    limit_db: float

    @classmethod
    def chosen(cls, name: str, average: Callable[[Floats], float], windows: Sequence[JudgedWindow]) -> Threshold:
        """Choose the limit where P_miss + P_fa is least."""
        scores = cls(name, average, 0.0).scores(windows)
        near = np.array([w.is_near for w in windows])
        limits = np.arange(-90.0, -30.0, 0.5)
        costs = [(scores[near] < limit).mean() + (scores[~near] >= limit).mean() for limit in limits]
        return cls(name, average, -float(limits[int(np.argmin(costs))]))

    def scores(self, windows: Sequence[JudgedWindow]) -> Floats:
        return np.array([-self._of(w.pair, range(*w.minutes)) for w in windows], dtype=np.float64)

    def is_near(self, scores: Floats) -> Bools:
        return scores >= -self.limit_db

    def minutes(self, windows: Sequence[JudgedWindow]) -> Floats:
        """Count the minutes for which anything received stands: a scan does for those since the one before, up to 5."""
        return np.array([self._near(w) for w in windows], dtype=np.float64)

    def _near(self, window: JudgedWindow) -> int:
        minutes = window.pair.minutes
        stand_ins = stand_in_indexes(minutes)
        found = [minutes[stand_ins[t]].minute for t in range(*window.minutes) if t in stand_ins]
        return sum(self._of(window.pair, [minute]) <= self.limit_db for minute in found)

    def _of(self, pair: Pair, minutes: Sequence[int]) -> float:
        packets = _received(pair)
        by_rssi = [item for t in minutes for item in packets.get(t, {}).items()]
        if not by_rssi:
            return NOTHING_RECEIVED_DB
        rssi_dbm, counts = np.array(by_rssi, dtype=np.float64).T
        attenuation_db = np.maximum(0.0, pair.tx_power_dbm - rssi_dbm)
        return self.average(np.repeat(attenuation_db, counts.astype(int)))


@cache
def _received(pair: Pair) -> dict[int, dict[int, int]]:
    return pair.received()


def power_average(attenuation_db: Floats) -> float:
    """Average the received power, not the decibels."""
    return float(-10 * np.log10(np.mean(10 ** (-attenuation_db / 10))))


def mean(attenuation_db: Floats) -> float:
    """Average the decibels."""
    return float(np.mean(attenuation_db))
