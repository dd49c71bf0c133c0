"""A rule that learns: the probability that a minute was within 2 m, from the minutes around it and the others near.

What it looks at is what the store keeps of each minute: how much was heard, the power average and the spread of the
attenuation, 2 and 7 minutes around; and, at the same time, how many others the receiver heard, how strongly, and how
many of them more strongly. The last tells a receiver in a pocket, which hears all weakly, from one far away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.proximity.rules import power_average
from benchmarks.proximity.tidy import NEAR_M, Floats, Pair, Window

REACHES_MIN = (2, 7)
ORIGIN_DB = 60.0
UNHEARD_DB = 40.0
"""Beyond the origin: what stands for somebody who was not heard when others were."""
RIDGE = 1.0
STEPS = 60
OTHERS = 4
"""How many, how strong on average, what share and how many of them stronger."""


@dataclass
class Logistic:
    """Logistic regression by Newton's method with a ridge; near is a mean probability above the cheapest limit."""

    name: str = "logistic"
    mean: Floats = field(default_factory=lambda: np.zeros(0))
    spread: Floats = field(default_factory=lambda: np.zeros(0))
    weights: Floats = field(default_factory=lambda: np.zeros(0))
    limit: float = 0.5
    _features: dict[int, Floats] = field(default_factory=dict)

    def fit(self, windows: Sequence[Window]) -> None:
        pairs = list({id(w.pair): w.pair for w in windows}.values())
        self._look_at(pairs)
        features = np.concatenate([self._features[id(p)] for p in pairs])
        near = np.concatenate([near_share(p) for p in pairs])
        known = ~np.isnan(near)
        self._learn(features[known], near[known])
        scores, truth = self.scores(windows), np.array([w.is_near for w in windows])
        limits = np.linspace(0.05, 0.9, 60)
        costs = [(scores[truth] < limit).mean() + (scores[~truth] >= limit).mean() for limit in limits]
        self.limit = float(limits[int(np.argmin(costs))])

    def _learn(self, features: Floats, near: Floats) -> None:
        self.mean, self.spread = features.mean(0), features.std(0) + 1e-6
        design = self._design(features)
        self.weights = np.zeros(design.shape[1])
        ridge = np.eye(design.shape[1]) * RIDGE
        ridge[0, 0] = 0
        for _ in range(STEPS):
            p = _sigmoid(design @ self.weights)
            gradient = design.T @ (p - near) + ridge @ self.weights
            curvature = (design * (p * (1 - p))[:, None]).T @ design + ridge
            self.weights -= np.linalg.solve(curvature, gradient)

    def _design(self, features: Floats) -> Floats:
        return np.column_stack((np.ones(len(features)), (features - self.mean) / self.spread)).astype(np.float64)

    def scores(self, windows: Sequence[Window]) -> Floats:
        self._look_at(list({id(w.pair): w.pair for w in windows}.values()))
        return np.array([self._mean_probability(w) for w in windows], dtype=np.float64)

    def is_near(self, scores: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return scores >= self.limit

    def minutes(self, windows: Sequence[Window]) -> Floats:
        return self.scores(windows) * np.array([w.length_s / 60 for w in windows], dtype=np.float64)

    def _mean_probability(self, window: Window) -> float:
        first = round((window.starts_at_s - window.pair.truth_t_s[0]) / 60)
        rows = self._features[id(window.pair)][first : first + max(1, round(window.length_s / 60))]
        return float(_sigmoid(self._design(rows) @ self.weights).mean())

    def _look_at(self, pairs: Sequence[Pair]) -> None:
        """Compute the features of pairs that come together: the others near a receiver are among them."""
        if all(id(p) in self._features for p in pairs):
            return
        own = {id(p): own_features(p) for p in pairs}
        receivers: dict[tuple[str, str], list[Pair]] = {}
        for pair in pairs:
            receivers.setdefault((pair.scene, pair.receiver), []).append(pair)
        for together in receivers.values():
            for pair in together:
                self._features[id(pair)] = np.c_[own[id(pair)], _others(pair, together, own)]


def own_features(pair: Pair) -> Floats:
    """Return a row for each minute of the pair's known time, of what was heard of this transmitter."""
    starts_at_s = pair.truth_t_s[0]
    count = int((pair.truth_t_s[-1] - starts_at_s) // 60) + 1
    minutes, levels = (pair.t_s - starts_at_s) // 60, pair.attenuation_db
    return np.array([[v for reach in REACHES_MIN for v in _around(k, reach, minutes, levels)] for k in range(count)])


def _around(minute: int, reach: int, minutes: Floats, levels: Floats) -> list[float]:
    first, last = np.searchsorted(minutes, (minute - reach, minute + reach + 1))
    if first == last:
        return [0.0] * 7
    heard = levels[first:last]
    low, middle, high = np.percentile(heard, (10, 50, 90)) - ORIGIN_DB
    share = len(np.unique(minutes[first:last])) / (2 * reach + 1)
    return [1.0, power_average(heard) - ORIGIN_DB, low, middle, high - low, np.log1p(last - first), share]


HEARD, LEVEL = 7, 8
"""Columns of the wider reach: whether anything was heard, and its power average."""


def _others(pair: Pair, together: Sequence[Pair], own: dict[int, Floats]) -> Floats:
    rows = own[id(pair)]
    found = np.zeros((len(rows), OTHERS))
    for k in range(len(rows)):
        at_s = pair.truth_t_s[0] + 60 * k
        levels = np.array([level for other in together if other is not pair for level in _level(other, at_s, own)])
        if len(levels):
            mine = rows[k, LEVEL] if rows[k, HEARD] else UNHEARD_DB
            stronger = (levels < mine).sum()
            found[k] = (len(levels), levels.mean(), stronger / len(levels), stronger)
    return found


def _level(pair: Pair, at_s: float, own: dict[int, Floats]) -> list[float]:
    rows, k = own[id(pair)], int((at_s - pair.truth_t_s[0]) // 60)
    return [float(rows[k, LEVEL])] if 0 <= k < len(rows) and rows[k, HEARD] else []


def near_share(pair: Pair) -> Floats:
    """Return the share of each minute's known seconds within 2 m; NaN where none is known."""
    minutes = ((pair.truth_t_s - pair.truth_t_s[0]) // 60).astype(int)
    known = np.bincount(minutes)
    near = np.bincount(minutes, weights=pair.truth_m <= NEAR_M)
    with np.errstate(invalid="ignore"):
        return (near / known).astype(np.float64)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)
