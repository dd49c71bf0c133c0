"""A rule judged by windows, or by whole scenes: how often it was right, with intervals from resampling pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.core.risk.learned import stand_in_indexes
from bluezone_agent.trials.scoring.pairs import Floats, JudgedWindow, Pair

Bools = NDArray[np.bool_]
SAMPLES: Final = 200
PERCENTILES: Final = (5, 95)
WARN_AFTER_MIN: Final = 15.0
"""Minutes near after which somebody should be told (the Ministry of Health's)."""
LONG_WINDOW: Final = [ReceivedMinute(t, 0.0, 10_000) for t in range(31)]
Interval = tuple[float, float]


class Weighing:
    """A rule of the agent: each minute counts for its weight, or for that of the scan that stands for it.

    A window is near where its minutes count, on average, for half of what the nearest count for.
    """

    def __init__(self, model: RiskModel) -> None:
        self.model = model
        self.name = model.name
        self._most = max(model.weigh(LONG_WINDOW).values())
        self._weights: dict[Pair, dict[int, float]] = {}
        self._sums: dict[Pair, tuple[NDArray[np.int_], Floats]] = {}
        """Minutes that count, and the sums of the weights before each of them and at the end."""

    def scores(self, windows: Sequence[JudgedWindow]) -> Floats:
        """Return one number a window: the higher, the nearer."""
        return self.minutes(windows) / np.array([w.length_s / MINUTE_S for w in windows], dtype=np.float64)

    def is_near(self, scores: Floats) -> Bools:
        """Decide for each score."""
        return scores >= 0.5

    def minutes(self, windows: Sequence[JudgedWindow]) -> Floats:
        """Return the minutes near of each window."""
        return np.array([self._between(w.pair, *w.minutes) / self._most for w in windows], dtype=np.float64)

    def total(self, pair: Pair, *, rested: bool) -> float:
        """Return the weighted minutes of a pair, which the rule compares with its limit."""
        return sum((self._weigh(pair) if rested else self.model.weigh(pair.minutes)).values())

    def _between(self, pair: Pair, first: int, end: int) -> float:
        """Return what the minutes from ``first`` to the one before ``end`` count."""
        if pair not in self._sums:
            weights = self._weigh(pair)
            minutes = np.array(sorted(weights), dtype=np.int_)
            self._sums[pair] = minutes, np.concatenate(([0.0], np.cumsum([weights[t] for t in minutes.tolist()])))
        minutes, sums = self._sums[pair]
        begin, until = np.searchsorted(minutes, (first, end))
        return float(sums[until] - sums[begin])

    def _weigh(self, pair: Pair) -> dict[int, float]:
        """Weigh all minutes of a pair at once: a model may look beyond the window."""
        if pair not in self._weights:
            weights = self.model.weigh(pair.minutes)
            scans = stand_in_indexes(pair.minutes)
            self._weights[pair] = {t: weights.get(t, weights[pair.minutes[i].minute]) for t, i in scans.items()}
        return self._weights[pair]


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule said of every window, or scene, of a set; how right it was is NaN where that is not defined."""

    near: Bools
    said: Bools
    scores: Floats
    error_min: Floats
    pair: NDArray[np.int_]
    """The number of the pair that each is of."""

    def rates(self) -> dict[str, float]:
        """Return precision, recall, F1, and nDCF: the share of near ones missed plus that of far ones called near."""
        return {name: float(value[0]) for name, value in _rates(self._counts().sum(0, keepdims=True)).items()}

    def intervals(self) -> dict[str, Interval]:
        """Return of each of :meth:`rates` the 5th and 95th percentile over samples of pairs."""
        of_pair = self._counts()
        random = np.random.default_rng(1)
        drawn = random.integers(0, len(of_pair), (SAMPLES, len(of_pair)))
        sampled = np.array([of_pair[rows].sum(0) for rows in drawn])
        found = {}
        for name, values in _rates(sampled).items():
            known = values[~np.isnan(values)]
            low, high = np.percentile(known, PERCENTILES) if len(known) else (np.nan, np.nan)
            found[name] = (float(low), float(high))
        return found

    def auc(self) -> float:
        """Return the chance that a near one scores higher than a far one; ties count half."""
        near, far = self.scores[self.near], np.sort(self.scores[~self.near])
        if not len(near) or not len(far):
            return float("nan")
        below, upto = np.searchsorted(far, near, "left"), np.searchsorted(far, near, "right")
        return float((below + upto).mean() / 2 / len(far))

    def _counts(self) -> NDArray[np.int_]:
        """Return of each pair: near and said, near and missed, far and said, far and not."""
        pairs = np.unique(self.pair, return_inverse=True)[1]
        kinds = (self.near & self.said, self.near & ~self.said, ~self.near & self.said, ~self.near & ~self.said)
        count = int(pairs.max()) + 1 if len(pairs) else 0
        return np.stack([np.bincount(pairs, weights=kind, minlength=count) for kind in kinds], axis=1).astype(np.int_)


def _rates(counts: NDArray[np.int_]) -> Mapping[str, Floats]:
    hits, missed, false, quiet = counts.T.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "precision": hits / (hits + false),
            "recall": hits / (hits + missed),
            "f1": 2 * hits / (2 * hits + missed + false),
            "ndcf": missed / (hits + missed) + false / (false + quiet),
        }


def judge_windows(rule: Weighing, windows: Sequence[JudgedWindow]) -> Judged:
    """Judge every window. No rule is held to say more minutes than a window has."""
    return judged(rule.scores(windows), rule.is_near(rule.scores(windows)), rule.minutes(windows), windows)


def judged(scores: Floats, said: Bools, minutes: Floats, windows: Sequence[JudgedWindow]) -> Judged:
    """Compare what a rule said of windows with the truth."""
    said_min = np.minimum(minutes, [w.length_s / MINUTE_S for w in windows])
    names = {pair: i for i, pair in enumerate(dict.fromkeys(w.pair for w in windows))}
    return Judged(
        np.array([w.is_near for w in windows], dtype=np.bool_),
        said,
        scores,
        np.abs(said_min - np.array([w.near_s / MINUTE_S for w in windows])),
        np.array([names[w.pair] for w in windows], dtype=np.int_),
    )


def judge_scenes(rule: Weighing, pairs: Sequence[Pair], *, rested: bool) -> Judged:
    """Judge what a user would be told of each whole scene: a warning, from the rule's own minutes on.

    Where the radio ``rested`` between scans, a scan stands for the minutes since the one before, up to 5 minutes, as in
    Exposure Notification. Somebody should be told after :data:`WARN_AFTER_MIN` known minutes near.
    """
    said_min = np.array([rule.total(pair, rested=rested) for pair in pairs], dtype=np.float64)
    near_min = np.array([_near_min(pair) for pair in pairs], dtype=np.float64)
    return Judged(
        near_min >= WARN_AFTER_MIN,
        said_min >= rule.model.warning_minutes,
        said_min,
        np.abs(said_min - near_min),
        np.arange(len(pairs)),
    )


def _near_min(pair: Pair) -> float:
    """Return the minutes near, of the seconds that are known."""
    step_s = float(np.median(np.diff(pair.truth_t_s))) if len(pair.truth_t_s) > 1 else 1.0
    return float((pair.truth_m <= pair.near_m).sum()) * min(step_s, float(MINUTE_S)) / MINUTE_S
