"""Compare the agent's models, and thresholds on an average, on recordings whose distances are known.

    python -m benchmarks.proximity DATA_DIR [--thinned] [--dp3t DIR]

``DATA_DIR`` holds ``danis_room.csv.gz``, ``mit_matrix.csv.gz`` and ``dp3t-exp34/``; ``--dp3t`` names the directory of
another DP-3T experiment, and only that is judged then. ``--thinned`` keeps what a phone's schedule would have heard,
4 s every 4 minutes. A threshold is chosen on the other scenes of the set (leave one out; for ``--dp3t`` on exp34). The
``agent`` model is learned anew without the scene that it is judged by, where it learns from the set at all; it never
learns from MIT's runs, the Danis room or these simulated rooms, and there and for ``--dp3t`` it is the one in the
package. Windows in which nothing was heard are kept. The recordings come through ``trial import``, and are judged as by
``trial score``, which has neither thresholds nor left-out scenes.

nDCF is P_miss + P_fa; its interval is the 5th to 95th percentile over 200 bootstrap samples of pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.proximity import rooms
from benchmarks.proximity.recordings import PHONES, recorded
from benchmarks.proximity.thresholds import Threshold, mean, power_average
from benchmarks.proximity.train import SEEDS, of_rooms
from bluezone_agent.core.risk import MODELS
from bluezone_agent.core.risk.learned import LearnedProximityModel
from bluezone_agent.core.risk.learned_coefficients import COEFFICIENTS
from bluezone_agent.trials.scoring.fitting import LENGTHS_S, coefficients
from bluezone_agent.trials.scoring.judged import Judged, Weighing, judged
from bluezone_agent.trials.scoring.known_time import Floats
from bluezone_agent.trials.scoring.lessons import of_people
from bluezone_agent.trials.scoring.pairs import Pair, folded, windows

Rule = Weighing | Threshold
PHONES_OWN_SCHEDULE = "dp3t-exp34"
"""Recorded by phones that scanned 4 s every 4 minutes: thinned again there would be nothing left."""
PUBLISHED = ("swisscovid", "lfph-narrow-v2", "lfph-wide")


@dataclass(frozen=True, slots=True)
class Fold:
    """What a threshold may be chosen on, what is judged, and the agent's model for it."""

    train: list[Pair]
    test: list[Pair]
    agent: LearnedProximityModel


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
    shipped, schedule = LearnedProximityModel(COEFFICIENTS), PHONES if thin else None
    people = recorded("dp3t", data / "dp3t-exp34")
    if other is not None:
        yield other.name[:14], [Fold(folded(people), folded(recorded("dp3t", other, schedule)), shipped)]
        return
    if not thin:
        yield PHONES_OWN_SCHEDULE, _learning(people)
    runs = folded(recorded("mit-matrix", data / "mit_matrix.csv.gz", schedule))
    postures = [replace(run, scene=run.scene.partition("_")[0]) for run in runs]
    yield "mit matrix", _leave_one_out(postures, shipped)
    yield "danis room", _leave_one_out(folded(recorded("danis", data / "danis_room.csv.gz", schedule)), shipped)
    virtual = [p for seed in range(1, 5) for p in rooms.virtual(seed, schedule=schedule)]
    yield "virtual air", _leave_one_out(folded(virtual), shipped)
    sizes = ((21, 6.0), (22, 14.0))
    others = [p for seed, size_m in sizes for p in rooms.virtual(seed, room_m=size_m, schedule=schedule)]
    yield "other rooms", _leave_one_out(folded(others), shipped)


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
    """Judge each fold by its rule; return all together."""
    taken = [(fold, [w for pair in fold.test for w in windows(pair, length_s)]) for fold in folds]
    parts = [(rule_of(fold, length_s), windows) for fold, windows in taken if windows]
    scores = [rule.scores(windows) for rule, windows in parts]
    return parts[0][0].name, judged(
        np.concatenate(scores),
        np.concatenate([rule.is_near(s) for (rule, _), s in zip(parts, scores, strict=True)]),
        np.concatenate([rule.minutes(windows) for rule, windows in parts]),
        [w for _, windows in parts for w in windows],
    )


def _print(name: str, length_s: float, rule: str, found: Judged) -> None:
    rates, (low, high) = found.rates(), found.intervals()["ndcf"]
    print(
        f"| {name} | {length_s / 60:.0f} min | {rule} | {len(found.near)} | {found.near.sum()}"
        f" | {rates['ndcf']:.2f} ({low:.2f}-{high:.2f}) | {found.auc():.2f} | {rates['f1']:.2f}"
        f" | {found.error_min.mean():.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
