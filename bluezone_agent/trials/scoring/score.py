"""``trial score``: rules of the agent on one dataset, with any schedule of scans, offset and power."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.trials.folder import TrialFolder
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.scoring.judged import Judged, Weighing, judge_scenes, judge_windows
from bluezone_agent.trials.scoring.load import load
from bluezone_agent.trials.scoring.pairs import Pair, folded, windows

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


def score(
    trial: TrialFolder,
    models: Sequence[RiskModel],
    schedules: Sequence[Schedule | None] = (None,),
    offsets_db: Sequence[float] = (0.0,),
) -> list[DatasetScore]:
    """Score every rule with every schedule, power and offset. Raises PlanError, TrialError."""
    found = []
    for schedule in schedules:
        loaded = load(trial, schedule)
        rested = isinstance(schedule or trial.plan().radio.scan, Schedule)
        powers = [(CALIBRATED, loaded.with_calibration())] if loaded.has_calibration else []
        for power, pairs in (*powers, (STATED, loaded.pairs)):
            for offset_db in offsets_db:
                received = folded(_shifted(pairs, offset_db))
                for model in models:
                    setting = (model.name, schedule, power, offset_db)
                    found += [
                        DatasetScore(*setting, window_min, **_values(judged))
                        for window_min, judged in _judged(model, received, rested=rested)
                    ]
    return found


def _shifted(pairs: Sequence[Pair], offset_db: float) -> list[Pair]:
    return [replace(pair, correction_db=pair.correction_db + offset_db) for pair in pairs]


def _judged(model: RiskModel, pairs: Sequence[Pair], *, rested: bool) -> Iterator[tuple[int | None, Judged]]:
    rule, lengths = Weighing(model), set[float]()
    for window_min in WINDOWS_MIN:
        taken = [window for pair in pairs for window in windows(pair, window_min * MINUTE_S)]
        longest_s = max((window.length_s for window in taken), default=0.0)
        if taken and longest_s not in lengths:  # all scenes may be shorter than the shortest window
            lengths.add(longest_s)
            yield window_min, judge_windows(rule, taken)
    yield None, judge_scenes(rule, pairs, rested=rested)


def _values(judged: Judged) -> dict[str, Any]:
    """Return the fields of a score that follow from what a rule said."""
    rates, intervals = judged.rates(), judged.intervals()
    return {
        "windows": len(judged.near),
        "near": int(judged.near.sum()),
        **{name: None if math.isnan(value) else Rate(value, *intervals[name]) for name, value in rates.items()},
        "auc": None if math.isnan(auc := judged.auc()) else auc,
        "minutes_off": float(judged.error_min.mean()),
    }
