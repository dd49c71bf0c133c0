"""The coefficients of the rule ``learned`` from folded pairs: logistic regression without negative weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.risk.learned import (
    FEATURES,
    Coefficients,
    LearnedProximityModel,
    Window,
    features_by_minute,
    stand_in_indexes,
    windowed_mean,
)
from bluezone_agent.trials.scoring.known_time import FIRST_MINUTE, Floats
from bluezone_agent.trials.scoring.pairs import Pair, windows

HALF_WIDTHS_MIN = (0, 7)
"""Between the two, +-2 minutes got no weight at all."""
LENGTHS_S = (300.0, 900.0)
ROWS = 10_000
"""What all minutes weigh together, against the ridge."""
RIDGE = 1.0
STEPS = 100
SMALLEST_STEP = 1e-7
SHORTEST_LENGTH = 1e-6
DIGITS = 3
LEAST_VARIANCE = 0.1
"""Where near and far never overlap, no error is left to measure."""
LOWS = (0.1, 0.15, 0.2, 0.25)
HIGHS = (0.3, 0.35, 0.4, 0.45, 0.5)
"""Probabilities that a minute may count from, and count whole from."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Folded pairs that count together for ``weight``, whatever their number."""

    pairs: tuple[Pair, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Rows:
    """A row for each minute that anything heard stands for."""

    features: Floats
    near: Floats
    """The share of its known seconds within 2 m."""
    weight: Floats
    """By the time that it stands for."""


def coefficients(lessons: Sequence[Lesson]) -> Coefficients:
    """Return what fits the lessons best; from which probability on a minute counts comes from them too."""
    taught = [(lesson, _rows(lesson)) for lesson in lessons]
    together = Rows(
        np.concatenate([rows.features for _, rows in taught]),
        np.concatenate([rows.near for _, rows in taught]),
        np.concatenate([rows.weight for _, rows in taught]),
    )
    bias, weights = _fit(together)
    by_window = weights.reshape(len(HALF_WIDTHS_MIN), -1)
    bias += 0.5 * float(by_window[:, FEATURES:].sum())
    windows = tuple(
        Window(half_width, tuple(round(float(w), DIGITS) for w in of_window[:FEATURES]))
        for half_width, of_window in zip(HALF_WIDTHS_MIN, by_window, strict=True)
    )
    fitted = LearnedProximityModel(Coefficients(round(bias, DIGITS), 0.0, 0.5, 1.0, windows))
    weighted_spans = [(lesson.weight, [_Spans.of(fitted, lesson.pairs, s) for s in LENGTHS_S]) for lesson in lessons]
    low, high = min(((low, high) for low in LOWS for high in HIGHS), key=lambda limits: _cost(weighted_spans, *limits))
    return Coefficients(fitted.coefficients.bias, low, high, _variance(weighted_spans, low, high), windows)


@dataclass(frozen=True, slots=True)
class _Spans:
    """Windows, a row each: the probability of each of their minutes (0 where unheard), and the minutes within 2 m."""

    probabilities: Floats
    near_min: Floats
    length_min: Floats

    @classmethod
    def of(cls, fitted: LearnedProximityModel, pairs: Sequence[Pair], length_s: float) -> _Spans:
        found, longest = [], round(length_s / 60)
        for pair in pairs:
            p = fitted.probabilities(pair.minutes)
            for w in windows(pair, length_s):
                row = [p.get(t, 0.0) for t in range(*w.minutes)]
                found.append((row + [0.0] * (longest - len(row)), w.near_s / 60, w.length_s / 60))
        rows, near, length = zip(*found, strict=True)
        return cls(np.array(rows), np.array(near), np.array(length))

    def counted(self, low: float, high: float) -> Floats:
        """Return the minutes that each counts for; no more than it has."""
        sums = np.clip((self.probabilities - low) / (high - low), 0.0, 1.0).sum(axis=1)
        return np.asarray(np.minimum(sums, self.length_min), dtype=np.float64)


def _cost(weighted_spans: Sequence[tuple[float, list[_Spans]]], low: float, high: float) -> float:
    """Return P_miss + P_fa over windows of every length, where half of a window's minutes are enough to say near."""
    cost = 0.0
    for weight, lengths in weighted_spans:
        for spans in lengths:
            near = spans.near_min >= spans.length_min / 2
            said = spans.counted(low, high) >= spans.length_min / 2
            if near.any() and not near.all():
                cost += weight * float((~said[near]).mean() + said[~near].mean())
    return cost


def _variance(weighted_spans: Sequence[tuple[float, list[_Spans]]], low: float, high: float) -> float:
    """Return by how much the square of the error of a sum of minutes grows with each; of the longest windows."""
    squares = total = 0.0
    for weight, lengths in weighted_spans:
        counted = lengths[-1].counted(low, high)
        squares += weight * float(((counted - lengths[-1].near_min) ** 2).mean())
        total += weight * float((1 + counted).mean())
    return max(LEAST_VARIANCE, round(squares / total, 1))


def near_share(pair: Pair) -> tuple[Floats, Floats]:
    """Return of each minute that anything heard stands for the share within 2 m, and how many seconds are known."""
    stand_ins = list(stand_in_indexes(pair.minutes))
    times_s, is_near = pair.known.seconds()
    minutes = (FIRST_MINUTE + (times_s - times_s[0]) // 60).astype(int)
    index = np.searchsorted(stand_ins, minutes)
    index[~np.isin(minutes, stand_ins)] = len(stand_ins)
    known = np.bincount(index, minlength=len(stand_ins) + 1)[:-1].astype(np.float64)
    near = np.bincount(index, weights=is_near, minlength=len(stand_ins) + 1)[:-1]
    return (near / np.maximum(known, 1)).astype(np.float64), known


def _rows(lesson: Lesson) -> Rows:
    received = [p for p in lesson.pairs if p.minutes]
    features = np.concatenate([_features(p) for p in received])
    shares = [near_share(p) for p in received]
    known = np.concatenate([seconds for _, seconds in shares])
    return Rows(features, np.concatenate([near for near, _ in shares]), lesson.weight * known / known.sum())


def _features(pair: Pair) -> Floats:
    rows = features_by_minute(pair.minutes)
    for t, i in stand_in_indexes(pair.minutes).items():
        rows[t] = [*rows[t], *_company(pair.minutes[i])]
    columns = [
        windowed_mean(dict(zip(rows, column, strict=True)), half_width_min)
        for half_width_min in HALF_WIDTHS_MIN
        for column in zip(*rows.values(), strict=True)
    ]
    return np.array(columns, dtype=np.float64).T


def _company(m: ReceivedMinute) -> list[float]:
    """Return how few of the others were received more strongly: in part why a minute is weak, and not judged by."""
    others = m.co_presence
    if not others.received:
        return [0.5, 0.5, 0.5]
    return [
        1 - others.stronger / others.received,
        math.exp(-others.stronger / 2),
        1 / (1 + math.exp(-others.weaker_by_db / 6)),
    ]


@dataclass(frozen=True, slots=True)
class _Problem:
    """Cross entropy + ridge of weights on a design."""

    design: Floats
    sizes: Floats
    near: Floats
    ridge: Floats

    def cost(self, at: Floats) -> float:
        """Return what weights cost."""
        z = self.design @ at
        return float((self.sizes * (np.logaddexp(0, z) - self.near * z)).sum() + (self.ridge * at * at).sum() / 2)


def _fit(rows: Rows) -> tuple[float, Floats]:
    """Minimise cross entropy + ridge over weights >= 0: Newton's steps among those that are not held at 0."""
    design = np.column_stack((np.ones(len(rows.near)), rows.features)).astype(np.float64)
    ridge = np.full(design.shape[1], RIDGE)
    ridge[0] = 0
    problem = _Problem(design, rows.weight * ROWS / rows.weight.sum(), rows.near, ridge)
    lowest = np.zeros(design.shape[1])
    lowest[0] = -np.inf
    at = np.zeros(design.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(design @ at)))
        gradient = design.T @ (problem.sizes * (p - rows.near)) + ridge * at
        free = (at > lowest) | (gradient < 0)
        curvature = (design * (problem.sizes * p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        step = np.zeros(len(at))
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        at, moved = _downhill(problem, at, step, lowest)
        if moved < SMALLEST_STEP:
            break
    return float(at[0]), at[1:]


def _downhill(problem: _Problem, at: Floats, step: Floats, lowest: Floats) -> tuple[Floats, float]:
    """Go the largest half, quarter, ... of the step that costs less; return where to, and how far that is."""
    before, length = problem.cost(at), 1.0
    while length > SHORTEST_LENGTH:
        there = np.maximum(lowest, at - length * step)
        if problem.cost(there) < before:
            return there, float(np.abs(there - at).max())
        length /= 2
    return at, 0.0
