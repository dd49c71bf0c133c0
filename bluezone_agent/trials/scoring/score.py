"""``trial score``: rules of the agent on one dataset, with any schedule of scans, offset and power."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product, starmap
from typing import Any, Final

from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.trials.dataset import Dataset
from bluezone_agent.trials.folder import DATASET, TrialFolder
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.scoring.judged import Weighing
from bluezone_agent.trials.scoring.known_time import Ints, KnownTime, windows_of
from bluezone_agent.trials.scoring.load import TrialPairs
from bluezone_agent.trials.scoring.pairs import Pair, folded
from bluezone_agent.trials.scoring.tally import Tally, auc, intervals, rates

WINDOWS_MIN: Final = (5, 15)
CALIBRATED, STATED = "calibrated", "stated"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share, or a sum of two, with the 5th and 95th percentile over samples of pairs."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DatasetScore:
    """How right a rule was, in windows or whole scenes; a value is None where it is not defined."""

    rule: str
    schedule: Schedule | None
    """None: all that was received."""
    power: str
    """Which transmit power counts: :data:`CALIBRATED`, or :data:`STATED`."""
    offset_db: float
    """Added to every RSSI."""
    window_min: int | None
    """None: whole scenes, as a user would be told."""
    windows: int
    near: int
    precision: Rate | None
    recall: Rate | None
    f1: Rate | None
    ndcf: Rate | None
    auc: float | None
    minutes_off: float


@dataclass(frozen=True, slots=True)
class _Setting:
    """What was received, and by which powers it counts."""

    schedule: Schedule | None
    power: str
    offset_db: float


def score(
    trial: TrialFolder,
    models: Sequence[RiskModel],
    schedules: Sequence[Schedule | None] = (None,),
    offsets_db: Sequence[float] = (0.0,),
    dataset: Dataset | None = None,
) -> list[DatasetScore]:
    """Score every rule with every schedule, power and offset, receiver by receiver.

    Without ``dataset`` it is opened on the default engine. Raises PlanError, TrialError.
    """
    pairs = TrialPairs(trial, dataset or Dataset(trial.path / DATASET), schedules)
    powers = (CALIBRATED, STATED) if pairs.calibration else (STATED,)
    rests = isinstance(trial.plan().radio.scan, Schedule)
    counts = [
        (setting, [_RuleCounts(Weighing(model), rested=rests or setting.schedule is not None) for model in models])
        for setting in starmap(_Setting, product(schedules, powers, offsets_db))
    ]
    for receiver in pairs:
        of_schedule = dict(zip(schedules, receiver.pairs, strict=True))
        with _without_cycles():
            for setting, rules in counts:
                its = of_schedule[setting.schedule]
                its = pairs.calibration.applied(its) if setting.power == CALIBRATED else its
                for pair, numbers in _alike(folded(_shifted(its, setting.offset_db)), receiver.numbers):
                    for rule in rules:
                        rule.count(pair, numbers)
    return [
        DatasetScore(rule.name, setting.schedule, setting.power, setting.offset_db, window_min, **_values(tally))
        for setting, rules in counts
        for rule in rules
        for window_min, tally in rule.tallies()
    ]


@contextmanager
def _without_cycles() -> Iterator[None]:
    """Keep the collector of cycles from looking through millions of minutes, which have none: it takes a third."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _shifted(pairs: Sequence[Pair], offset_db: float) -> list[Pair]:
    return [replace(pair, correction_db=pair.correction_db + offset_db) for pair in pairs]


def _alike(pairs: Sequence[Pair], numbers: Ints) -> Iterator[tuple[Pair, Ints]]:
    """Yield pairs with their numbers; of those in which nothing was received one for each known time."""
    silent: dict[KnownTime, list[int]] = {}
    for at, pair in enumerate(pairs):
        if pair.minutes:
            yield pair, numbers[at : at + 1]
        else:
            silent.setdefault(pair.known, []).append(at)
    for its in silent.values():
        yield pairs[its[0]], numbers[its]


class _RuleCounts:
    """What a rule said under one setting."""

    def __init__(self, rule: Weighing, *, rested: bool) -> None:
        self.name = rule.name
        self._rule, self._rested = rule, rested
        self._windows = {window_min: Tally() for window_min in WINDOWS_MIN}
        self._longest_s = dict.fromkeys(WINDOWS_MIN, 0.0)
        self._scenes = Tally()

    def count(self, pair: Pair, numbers: Ints) -> None:
        """Count what the rule says of the pairs with these numbers, which are all like ``pair``."""
        weighed = self._rule.weighed(pair)
        for window_min, tally in self._windows.items():
            windows = windows_of(pair.known, float(window_min * MINUTE_S))
            if len(windows.minutes):
                self._longest_s[window_min] = max(self._longest_s[window_min], windows.length_s)
            self._rule.judge_windows(tally, weighed, windows, numbers)
        self._rule.judge_scene(self._scenes, weighed, pair.known, numbers, rested=self._rested)

    def tallies(self) -> Iterator[tuple[int | None, Tally]]:
        """Yield the length of windows and what was said of them; at last of whole scenes."""
        lengths = {0.0}
        for window_min, tally in self._windows.items():
            if (longest_s := self._longest_s[window_min]) not in lengths:
                lengths.add(longest_s)  # all scenes may be shorter than the shortest window
                yield window_min, tally
        yield None, self._scenes


def _values(tally: Tally) -> dict[str, Any]:
    """Return the fields of a score that follow from what a rule said."""
    of_pairs = tally.of_pairs()
    found, ranges = rates(of_pairs), intervals(of_pairs)
    ranking = auc(tally.near, tally.far)
    count = int(of_pairs.sum())
    return {
        "windows": count,
        "near": int(of_pairs[:, :2].sum()),
        **{name: None if math.isnan(value) else Rate(value, *ranges[name]) for name, value in found.items()},
        "auc": None if math.isnan(ranking) else ranking,
        "minutes_off": tally.error_min / count,
    }
