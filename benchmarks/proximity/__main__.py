"""Compare the agent's models, and thresholds on an average, on recordings whose distances are known.

    python -m benchmarks.proximity DATA_DIR [--thinned] [--dp3t DIR]

``DATA_DIR`` holds ``danis_room.csv.gz``, ``mit_matrix.csv.gz`` and ``dp3t-exp34/``; ``--dp3t`` names the directory of
another DP-3T experiment, and only that is judged then. ``--thinned`` keeps what a phone's schedule would have heard,
4 s every 4 minutes. A threshold is chosen on the other scenes of the set (leave one out; for ``--dp3t`` on exp34). The
``agent`` model is learned anew without the scene that it is judged by, where it learns from the set at all; it never
learns from MIT's runs, the Danis room or these simulated rooms, and there and for ``--dp3t`` it is the one in the
package. Windows in which nothing was heard are kept.

nDCF is P_miss + P_fa; its interval is the 5th to 95th percentile over 200 bootstrap samples of pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.proximity import dp3t, rooms
from benchmarks.proximity.fitting import LENGTHS_S, coefficients
from benchmarks.proximity.rules import Rule, Threshold, Weighing, mean, power_average
from benchmarks.proximity.tidy import Floats, Pair, folded, thinned, windows
from benchmarks.proximity.train import SEEDS, of_people, of_rooms
from bluezone_agent.core.risk import MODELS
from bluezone_agent.core.risk.learned import LearnedProximityModel
from bluezone_agent.core.risk.learned_coefficients import COEFFICIENTS

SAMPLES = 200
PHONES_OWN_SCHEDULE = "dp3t-exp34"
"""Recorded by phones that scanned 4 s every 4 minutes: thinned again there would be nothing left."""
PUBLISHED = ("swisscovid", "lfph-narrow-v2", "lfph-wide")


@dataclass(frozen=True, slots=True)
class Fold:
    """What a threshold may be chosen on, what is judged, and the agent's model for it."""

    train: list[Pair]
    test: list[Pair]
    agent: LearnedProximityModel


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule said of every window of a set."""

    near: np.ndarray[tuple[int], np.dtype[np.bool_]]
    said: np.ndarray[tuple[int], np.dtype[np.bool_]]
    scores: Floats
    error_min: Floats
    pair: np.ndarray[tuple[int], np.dtype[np.int_]]

    def ndcf(self, weight: Floats | None = None) -> float:
        """P_miss + P_fa, each window with its weight."""
        w = np.ones(len(self.near)) if weight is None else weight
        near, far = w * self.near, w * ~self.near
        return float((near * ~self.said).sum() / near.sum() + (far * self.said).sum() / far.sum())

    def interval(self) -> tuple[float, float]:
        """The 5th and 95th percentile of nDCF over samples of pairs."""
        random = np.random.default_rng(1)
        pairs = np.unique(self.pair, return_inverse=True)[1]
        count = int(pairs.max()) + 1
        samples = []
        for _ in range(SAMPLES):
            drawn = np.bincount(random.integers(0, count, count), minlength=count)
            weight = drawn[pairs].astype(np.float64)
            if (weight * self.near).sum() and (weight * ~self.near).sum():
                samples.append(self.ndcf(weight))
        low, high = np.percentile(samples, (5, 95))
        return float(low), float(high)

    def auc(self) -> float:
        """The chance that a near window scores higher than a far one; ties count half."""
        near, far = self.scores[self.near], np.sort(self.scores[~self.near])
        below, upto = np.searchsorted(far, near, "left"), np.searchsorted(far, near, "right")
        return float((below + upto).mean() / 2 / len(far))

    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        hits = (self.near & self.said).sum()
        return float(2 * hits / (2 * hits + (self.near ^ self.said).sum()))


def main() -> None:
    """Print one table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    options.add_argument("--thinned", action="store_true")
    options.add_argument("--dp3t", type=Path)
    chosen = options.parse_args()
    print("| set | window | rule | windows | near | nDCF (5-95 %) | AUC | F1 | minutes off |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, folds in _sets(chosen.data, chosen.dp3t, thin=chosen.thinned):
        for length_s in LENGTHS_S:
            for rule_of in rules():
                _print(name, length_s, *judge(rule_of, folds, length_s))


def _sets(data: Path, other: Path | None, *, thin: bool) -> Iterator[tuple[str, list[Fold]]]:
    def received(pairs: list[Pair]) -> list[Pair]:
        return folded([thinned(p) for p in pairs] if thin else pairs)

    shipped = LearnedProximityModel(COEFFICIENTS)
    people = dp3t.load(data / "dp3t-exp34", "exp34")
    if other is not None:
        yield other.name[:14], [Fold(folded(people), received(dp3t.load(other, other.name)), shipped)]
        return
    if not thin:
        yield PHONES_OWN_SCHEDULE, _learning(people)
    yield "mit matrix", _leave_one_out(received(rooms.mit(data / "mit_matrix.csv.gz")), shipped)
    yield "danis room", _leave_one_out(received(rooms.danis(data / "danis_room.csv.gz")), shipped)
    yield "virtual air", _leave_one_out(received([p for seed in range(1, 5) for p in rooms.virtual(seed)]), shipped)
    sizes = [p for seed, size_m in ((21, 6.0), (22, 14.0)) for p in rooms.virtual(seed, room_m=size_m)]
    yield "other rooms", _leave_one_out(received(sizes), shipped)


def _learning(people: list[Pair]) -> list[Fold]:
    """Return a fold a scene, each with a model that has not seen it."""
    simulated = of_rooms(SEEDS)
    return [
        Fold(folded(rest), folded(one), LearnedProximityModel(coefficients([*of_people(rest), *simulated])))
        for rest, one in _scenes(people)
    ]


def _leave_one_out(pairs: list[Pair], agent: LearnedProximityModel) -> list[Fold]:
    return [Fold(rest, one, agent) for rest, one in _scenes(pairs)]


def _scenes(pairs: list[Pair]) -> Iterator[tuple[list[Pair], list[Pair]]]:
    """Yield each scene with the others before it."""
    for scene in sorted({p.scene for p in pairs}):
        yield [p for p in pairs if p.scene != scene], [p for p in pairs if p.scene == scene]


def rules() -> list[Callable[[Fold, float], Rule]]:
    """Return what makes each rule for a fold and a length of windows."""

    def threshold(name: str, average: Callable[[Floats], float]) -> Callable[[Fold, float], Rule]:
        return lambda fold, s: Threshold.chosen(name, average, [w for p in fold.train for w in windows(p, s)])

    def published(name: str) -> Callable[[Fold, float], Rule]:
        return lambda _fold, _s: Weighing(MODELS[name])

    return [
        threshold("mean RSSI", mean),
        threshold("power average", power_average),
        *(published(name) for name in PUBLISHED),
        lambda fold, _s: Weighing(fold.agent),
    ]


def judge(rule_of: Callable[[Fold, float], Rule], folds: Sequence[Fold], length_s: float) -> tuple[str, Judged]:
    """Judge each fold by its rule; return all together. No rule is held to say more minutes than a window has."""
    cuts = [(fold, [w for pair in fold.test for w in windows(pair, length_s)]) for fold in folds]
    parts = [(rule_of(fold, length_s), windows) for fold, windows in cuts if windows]
    scores = [rule.scores(windows) for rule, windows in parts]
    every = [w for _, windows in parts for w in windows]
    said_min = np.minimum(
        np.concatenate([rule.minutes(windows) for rule, windows in parts]), [w.length_s / 60 for w in every]
    )
    names = {pair: i for i, pair in enumerate(dict.fromkeys(w.pair for w in every))}
    return parts[0][0].name, Judged(
        np.array([w.is_near for w in every]),
        np.concatenate([rule.is_near(s) for (rule, _), s in zip(parts, scores, strict=True)]),
        np.concatenate(scores),
        np.abs(said_min - np.array([w.near_s / 60 for w in every])),
        np.array([names[w.pair] for w in every]),
    )


def _print(name: str, length_s: float, rule: str, judged: Judged) -> None:
    low, high = judged.interval()
    print(
        f"| {name} | {length_s / 60:.0f} min | {rule} | {len(judged.near)} | {judged.near.sum()}"
        f" | {judged.ndcf():.2f} ({low:.2f}-{high:.2f}) | {judged.auc():.2f} | {judged.f1():.2f}"
        f" | {judged.error_min.mean():.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
