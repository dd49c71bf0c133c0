"""Compare rules on recordings whose distances are known.

    python -m benchmarks.proximity DATA_DIR [--thinned] [--dp3t DIR]

``DATA_DIR`` holds ``danis_room.csv.gz``, ``mit_matrix.csv.gz`` and ``dp3t-exp34/``; ``--dp3t`` names the directory of
another DP-3T experiment, which is then scored by rules fitted on exp34. ``--thinned`` keeps what a phone's schedule
would have heard, 4 s every 4 minutes. A rule that has to choose anything chooses it on the other scenes of the set
(leave one out), the simulated room on other seeds. Windows in which nothing was heard are kept.

nDCF is P_miss + P_fa; its interval is the 5th to 95th percentile over 200 bootstrap samples of pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.proximity import dp3t, rooms
from benchmarks.proximity.logistic import Logistic
from benchmarks.proximity.rules import Rule, published_and_thresholds
from benchmarks.proximity.tidy import Floats, Pair, Window, thinned, windows

LENGTHS_S = (300.0, 900.0)
SAMPLES = 200
PHONES_OWN_SCHEDULE = "dp3t-exp34"
"""Recorded by phones that scanned 4 s every 4 minutes: thinned again there would be nothing left."""
VIRTUAL_SEEDS = range(1, 5)


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
    print("set            min  rule             windows  near  nDCF (5-95 %)        AUC    F1  minutes off")
    for name, folds in _sets(chosen.data, chosen.dp3t):
        if chosen.thinned and name == PHONES_OWN_SCHEDULE:
            continue
        prepared = [([thinned(p) for p in part] if chosen.thinned else part for part in fold) for fold in folds]
        both = [(list(train), list(test)) for train, test in prepared]
        for length_s in LENGTHS_S:
            for number in range(len(all_rules())):
                rule_name, judged = judge(number, both, length_s)
                _print(name, length_s, rule_name, judged)


def _sets(data: Path, other: Path | None) -> Iterator[tuple[str, list[tuple[list[Pair], list[Pair]]]]]:
    """Yield each set as (name, folds); a fold is what a rule may learn from, and what it is judged by."""
    exp34 = dp3t.load(data / "dp3t-exp34", "exp34")
    if other is not None:
        yield other.name[:14], [(exp34, dp3t.load(other, other.name))]
    yield PHONES_OWN_SCHEDULE, _leave_one_out(exp34)
    yield "mit matrix", _leave_one_out(rooms.mit(data / "mit_matrix.csv.gz"))
    yield "danis room", _leave_one_out(rooms.danis(data / "danis_room.csv.gz"))
    yield "virtual air", _leave_one_out([p for seed in VIRTUAL_SEEDS for p in rooms.virtual(seed)])


def _leave_one_out(pairs: list[Pair]) -> list[tuple[list[Pair], list[Pair]]]:
    scenes = sorted({p.scene for p in pairs})
    return [([p for p in pairs if p.scene != scene], [p for p in pairs if p.scene == scene]) for scene in scenes]


def all_rules() -> list[Rule]:
    """Return every rule, new."""
    return [*published_and_thresholds(), Logistic()]


def judge(number: int, folds: Sequence[tuple[list[Pair], list[Pair]]], length_s: float) -> tuple[str, Judged]:
    """Fit the rule on each fold's other scenes and judge its scene; return all together."""
    parts: list[tuple[Rule, list[Window]]] = []
    for train, test in folds:
        rule = all_rules()[number]
        rule.fit([w for pair in train for w in windows(pair, length_s)])
        parts.append((rule, [w for pair in test for w in windows(pair, length_s)]))
    parts = [(rule, cut) for rule, cut in parts if cut]
    scores = [rule.scores(cut) for rule, cut in parts]
    truth_min = np.array([w.near_s / 60 for _, cut in parts for w in cut])
    names = {id(pair): i for i, pair in enumerate({id(w.pair): w.pair for _, cut in parts for w in cut}.values())}
    return parts[0][0].name, Judged(
        np.array([w.is_near for _, cut in parts for w in cut]),
        np.concatenate([rule.is_near(s) for (rule, _), s in zip(parts, scores, strict=True)]),
        np.concatenate(scores),
        np.abs(np.concatenate([rule.minutes(cut) for rule, cut in parts]) - truth_min),
        np.array([names[id(w.pair)] for _, cut in parts for w in cut]),
    )


def _print(name: str, length_s: float, rule: str, judged: Judged) -> None:
    low, high = judged.interval()
    print(
        f"{name:<14} {length_s / 60:>3.0f}  {rule:<16} {len(judged.near):>7} {judged.near.sum():>5}"
        f"  {judged.ndcf():.2f} ({low:.2f}-{high:.2f})   {judged.auc():>8.2f} {judged.f1():>5.2f}"
        f" {judged.error_min.mean():>9.1f}"
    )


if __name__ == "__main__":
    main()
