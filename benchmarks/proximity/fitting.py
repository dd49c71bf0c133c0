"""The coefficients of the ``agent`` model from folded recordings: logistic regression without negative weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.proximity.rules import Weighing, instances
from benchmarks.proximity.tidy import FIRST_MINUTE, NEAR_M, Floats, Pair, Window, windows
from bluezone_agent.core.risk.agent import VALUES, Agent, Coefficients, Reach, around, standing, values

REACHES_MIN = (0, 7)
"""Between the two, +-2 minutes got no weight at all."""
LENGTHS_S = (300.0, 900.0)
ROWS = 10_000
"""What all minutes weigh together, against the ridge."""
RIDGE = 1.0
STEPS = 100
DIGITS = 3
LIMITS = np.arange(0.1, 0.9, 0.01)


@dataclass(frozen=True, slots=True)
class Lesson:
    """Folded pairs that count together for ``weight``, whatever their number."""

    pairs: tuple[Pair, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Rows:
    """A row for each heard minute whose distance is known."""

    features: Floats
    near: Floats
    """The share of its known seconds within 2 m."""
    weight: Floats
    """By the time that it stands for."""


def coefficients(lessons: Sequence[Lesson]) -> Coefficients:
    """Return what fits the lessons best; the limit of a near window and the correlation come from them too."""
    taught = [(lesson, _rows(lesson)) for lesson in lessons]
    together = Rows(
        np.concatenate([rows.features for _, rows in taught]),
        np.concatenate([rows.near for _, rows in taught]),
        np.concatenate([rows.weight for _, rows in taught]),
    )
    bias, weights = _fit(together)
    rounded = [round(float(w), DIGITS) for w in weights]
    reaches = tuple(Reach(reach, tuple(rounded[i * VALUES : (i + 1) * VALUES])) for i, reach in enumerate(REACHES_MIN))
    fitted = Coefficients(round(bias, DIGITS), 0.5, 1.0, reaches)
    cut = [(lesson.weight, [w for p in lesson.pairs for w in windows(p, s)]) for lesson in lessons for s in LENGTHS_S]
    return Coefficients(fitted.bias, _limit(fitted, cut), _correlation(fitted, cut), reaches)


def near_share(pair: Pair) -> tuple[Floats, Floats]:
    """Return for each heard minute the share within 2 m of the seconds for which it stands, and how many are known."""
    minutes = (FIRST_MINUTE + (pair.truth_t_s - pair.truth_t_s[0]) // 60).astype(int)
    stands_for = standing(pair.minutes)
    index = np.array([stands_for.get(t, len(pair.minutes)) for t in minutes.tolist()], dtype=int)
    known = np.bincount(index, minlength=len(pair.minutes) + 1)[:-1].astype(np.float64)
    near = np.bincount(index, weights=pair.truth_m <= NEAR_M, minlength=len(pair.minutes) + 1)[:-1]
    return (near / np.maximum(known, 1)).astype(np.float64), known


def _rows(lesson: Lesson) -> Rows:
    heard = [p for p in lesson.pairs if p.minutes and len(p.truth_t_s)]
    features = np.concatenate([_features(p) for p in heard])
    shares = [near_share(p) for p in heard]
    known = np.concatenate([seconds for _, seconds in shares])
    return Rows(features, np.concatenate([near for near, _ in shares]), lesson.weight * known / known.sum())


def _features(pair: Pair) -> Floats:
    looked_at = np.array([values(m) for m in pair.minutes])
    stands_for = standing(pair.minutes)
    columns = [
        around(pair.minutes, stands_for, column, reach) for reach in REACHES_MIN for column in looked_at.T.tolist()
    ]
    return np.array(columns, dtype=np.float64).T


def _fit(rows: Rows) -> tuple[float, Floats]:
    """Minimise cross entropy + ridge over weights >= 0: Newton's steps among those that are not held at 0."""
    design = np.column_stack((np.ones(len(rows.near)), rows.features)).astype(np.float64)
    sizes = rows.weight * ROWS / rows.weight.sum()
    ridge = np.full(design.shape[1], RIDGE)
    ridge[0] = 0
    lowest = np.zeros(design.shape[1])
    lowest[0] = -np.inf
    at = np.zeros(design.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(design @ at)))
        gradient = design.T @ (sizes * (p - rows.near)) + ridge * at
        free = (at > lowest) | (gradient < 0)
        curvature = (design * (sizes * p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        step = np.zeros(len(at))
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        at, moved = _downhill(design, sizes, rows.near, ridge, at, step, lowest)
        if moved < 1e-7:
            break
    return float(at[0]), at[1:]


def _downhill(
    design: Floats, sizes: Floats, near: Floats, ridge: Floats, at: Floats, step: Floats, lowest: Floats
) -> tuple[Floats, float]:
    """Go the largest half, quarter, ... of the step that costs less; return where to, and how far that is."""

    def cost(w: Floats) -> float:
        z = design @ w
        return float((sizes * (np.logaddexp(0, z) - near * z)).sum() + (ridge * w * w).sum() / 2)

    before, length = cost(at), 1.0
    while length > 1e-6:
        there = np.maximum(lowest, at - length * step)
        if cost(there) < before:
            return there, float(np.abs(there - at).max())
        length /= 2
    return at, 0.0


def _limit(fitted: Coefficients, cut: Sequence[tuple[float, list[Window]]]) -> float:
    """Return where P_miss + P_fa of both lengths of windows is least, over all lessons."""
    rule, costs = Weighing(Agent(fitted)), np.zeros(len(LIMITS))
    for weight, some in cut:
        scores, near = rule.scores(some), np.array([w.is_near for w in some])
        if near.any() and not near.all():
            costs += weight * np.array([(scores[near] < x).mean() + (scores[~near] >= x).mean() for x in LIMITS])
    return round(float(LIMITS[int(np.argmin(costs))]), DIGITS)


def _correlation(fitted: Coefficients, cut: Sequence[tuple[float, list[Window]]]) -> float:
    """Return by how much the error of 15 minutes varies more than if each minute erred alone."""
    agent, squares, alone = Agent(fitted), 0.0, 0.0
    for weight, some in cut:
        long = [(w, i) for w in some if w.length_s == max(LENGTHS_S) and (i := instances(w))]
        for w, stand in long:
            p, near = np.array(agent.weigh(w.pair.minutes))[stand], near_share(w.pair)[0][stand]
            squares += weight / len(long) * float((near - p).sum() ** 2)
            alone += weight / len(long) * float((p * (1 - p)).sum())
    return round(squares / alone, 1)
