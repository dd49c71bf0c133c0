"""How right a rule was, counted as windows or scenes are judged: nothing is kept of each, but for its score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bluezone_agent.trials.scoring.known_time import Bools, Floats, Ints

SAMPLES: Final = 200
PERCENTILES: Final = (5, 95)
PENDING: Final = 2**20
"""Scores that are kept before equal ones are counted together."""
Interval = tuple[float, float]


class ScoreCounts:
    """How often each score occurs."""

    def __init__(self) -> None:
        self.values = np.zeros(0, dtype=np.float64)
        """Ascending, each once."""
        self.counts = np.zeros(0, dtype=np.int64)
        self._pending: list[tuple[Floats, int]] = []
        self._pending_scores = 0
        self._zeros = 0

    def add(self, scores: Floats, times: int = 1) -> None:
        """Count some scores, each so many times."""
        others = scores[scores != 0]
        self._zeros += (len(scores) - len(others)) * times
        if len(others):
            self._pending.append((others, times))
            self._pending_scores += len(others)
        if self._pending_scores >= PENDING:
            self.settle()

    def settle(self) -> None:
        """Count all that was added."""
        values = [self.values, *(scores for scores, _ in self._pending), np.zeros(1)]
        counts = [self.counts, *(np.full(len(scores), times) for scores, times in self._pending)]
        counts.append(np.array([self._zeros]))
        self.values, index = np.unique(np.concatenate(values), return_inverse=True)
        self.counts = np.bincount(index, weights=np.concatenate(counts)).astype(np.int64)
        self._pending, self._pending_scores, self._zeros = [], 0, 0


@dataclass(slots=True)
class Tally:
    """What one rule said of every window, or scene."""

    near: ScoreCounts = field(default_factory=ScoreCounts)
    far: ScoreCounts = field(default_factory=ScoreCounts)
    error_min: float = 0.0
    """Summed over all."""
    _of_pairs: list[tuple[Ints, tuple[int, int, int, int]]] = field(default_factory=list)

    def add(self, near: Bools, said: Bools, scores: Floats, error_min: Floats, pairs: Ints) -> None:
        """Count what was said of the windows of each of ``pairs``, whose numbers are in the order of their names."""
        if not len(near):
            return
        self.near.add(scores[near], len(pairs))
        self.far.add(scores[~near], len(pairs))
        self.error_min += float(error_min.sum()) * len(pairs)
        self._of_pairs.append((pairs, kinds(near, said)))

    def of_pairs(self) -> Ints:
        """Return of each pair, in the order of their numbers: near and said, near and missed, far and said, far."""
        if not self._of_pairs:
            return np.zeros((0, 4), dtype=np.int64)
        order = np.argsort(np.concatenate([pairs for pairs, _ in self._of_pairs]), kind="stable")
        counts = np.array([counts for _, counts in self._of_pairs], dtype=np.int64)
        return np.repeat(counts, [len(pairs) for pairs, _ in self._of_pairs], axis=0)[order]


def kinds(near: Bools, said: Bools) -> tuple[int, int, int, int]:
    """Return how many are near and said, near and missed, far and said, far and not."""
    hits, both, all_said = int(near.sum()), int((near & said).sum()), int(said.sum())
    return both, hits - both, all_said - both, len(near) - hits - all_said + both


def rates(of_pairs: Ints) -> dict[str, float]:
    """Return precision, recall, F1, and nDCF: the share of near ones missed plus that of far ones called near."""
    return {name: float(value[0]) for name, value in _rates(of_pairs.sum(0, keepdims=True)).items()}


def intervals(of_pairs: Ints) -> dict[str, Interval]:
    """Return of each of :func:`rates` the 5th and 95th percentile over samples of pairs."""
    random, count = np.random.default_rng(1), len(of_pairs)
    sampled = [np.bincount(random.integers(0, count, count), minlength=count) @ of_pairs for _ in range(SAMPLES)]
    found = {}
    for name, values in _rates(np.array(sampled)).items():
        known = values[~np.isnan(values)]
        low, high = np.percentile(known, PERCENTILES) if len(known) else (np.nan, np.nan)
        found[name] = (float(low), float(high))
    return found


def auc(near: ScoreCounts, far: ScoreCounts) -> float:
    """Return the chance that a near one scores higher than a far one; ties count half. NaN without one of both."""
    near.settle()
    far.settle()
    nears, fars = int(near.counts.sum()), int(far.counts.sum())
    if not nears or not fars:
        return float("nan")
    upto = np.concatenate(([0], np.cumsum(far.counts)))
    below, not_above = (upto[np.searchsorted(far.values, near.values, side)] for side in ("left", "right"))
    return float(((below + not_above).astype(np.float64) * near.counts).sum() / nears / 2 / fars)


def _rates(counts: Ints) -> Mapping[str, Floats]:
    hits, missed, false, quiet = counts.T.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "precision": hits / (hits + false),
            "recall": hits / (hits + missed),
            "f1": 2 * hits / (2 * hits + missed + false),
            "ndcf": missed / (hits + missed) + false / (false + quiet),
        }
