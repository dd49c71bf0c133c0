"""A rule judged by windows, or by whole scenes: how often it was right, with intervals from resampling pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.core.risk.learned import stand_in_indexes
from bluezone_agent.trials.scoring import tally
from bluezone_agent.trials.scoring.known_time import Bools, Floats, Ints, KnownTime, Windows
from bluezone_agent.trials.scoring.pairs import JudgedWindow, Pair
from bluezone_agent.trials.scoring.tally import Interval, ScoreCounts, Tally

WARN_AFTER_MIN: Final = 15.0
"""Minutes near after which somebody should be told (the Ministry of Health's)."""
HALF: Final = 0.5
"""A rule says that a window is near where its minutes count for so much of the most that they can, on average."""
LONG_WINDOW: Final = [ReceivedMinute(t, 0.0, 10_000) for t in range(31)]


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a rule counts of a pair."""

    minutes: Ints
    """Minutes that count, ascending."""
    sums: Floats
    """The sums of the weights before each of them, and at the end."""
    received: float
    """The weighted minutes in which something was received."""
    rested: float
    """The same, if a scan also stands for the minutes since the one before."""

    def between(self, firsts: Ints, ends: Ints) -> Floats:
        """Return what the minutes from each of ``firsts`` to the one before each of ``ends`` count."""
        begin, until = np.searchsorted(self.minutes, firsts), np.searchsorted(self.minutes, ends)
        return np.asarray(self.sums[until] - self.sums[begin], dtype=np.float64)


class Weighing:
    """A rule of the agent: each minute counts for its weight, or for that of the scan that stands for it.

    A window is near where its minutes count, on average, for half of what the nearest count for.
    """

    def __init__(self, model: RiskModel) -> None:
        self.model = model
        self.name = model.name
        self._most = max(model.weigh(LONG_WINDOW).values())
        self._kept: dict[Pair, Weighed] = {}

    def scores(self, windows: Sequence[JudgedWindow]) -> Floats:
        """Return one number a window: the higher, the nearer."""
        return self.minutes(windows) / np.array([w.length_s / MINUTE_S for w in windows], dtype=np.float64)

    def is_near(self, scores: Floats) -> Bools:
        """Decide for each score."""
        return scores >= HALF

    def minutes(self, windows: Sequence[JudgedWindow]) -> Floats:
        """Return the minutes near of each window."""
        return np.array([self._minutes(w) for w in windows], dtype=np.float64)

    def _minutes(self, window: JudgedWindow) -> float:
        if window.pair not in self._kept:
            self._kept[window.pair] = self.weighed(window.pair)
        first, end = (np.array([minute]) for minute in window.minutes)
        return float(self.minutes_of(self._kept[window.pair], first, end)[0])

    def minutes_of(self, weighed: Weighed, firsts: Ints, ends: Ints) -> Floats:
        """Return the minutes near from each of ``firsts`` to the one before each of ``ends``."""
        return np.asarray(weighed.between(firsts, ends) / self._most)

    def weighed(self, pair: Pair) -> Weighed:
        """Weigh all minutes of a pair at once: a model may look beyond the window."""
        weights = self.model.weigh(pair.minutes)
        stood = [weights[t] if t in weights else weights[scan] for t, scan in _scans(pair).items()]
        minutes = np.fromiter(_scans(pair), dtype=np.int64, count=len(stood))
        return Weighed(minutes, np.concatenate(([0.0], np.cumsum(stood))), sum(weights.values()), sum(stood))

    def judge_windows(self, counted: Tally, weighed: Weighed, windows: Windows, pairs: Ints) -> None:
        """Count what is said of the windows of ``pairs``. No rule is held to say more minutes than a window has."""
        minutes, length_min = self.minutes_of(weighed, windows.minutes, windows.ends), windows.length_s / MINUTE_S
        scores, error_min = minutes / length_min, np.abs(np.minimum(minutes, length_min) - windows.near_s / MINUTE_S)
        counted.add(windows.near, self.is_near(scores), scores, error_min, pairs)

    def judge_scene(self, counted: Tally, weighed: Weighed, known: KnownTime, pairs: Ints, *, rested: bool) -> None:
        """Count what a user would be told of a whole scene: a warning, from the rule's own minutes on.

        Where the radio ``rested`` between scans, a scan stands for the minutes since the one before, up to 5 minutes,
        as in Exposure Notification. Somebody should be told after :data:`WARN_AFTER_MIN` known minutes near.
        """
        said_min, near_min = np.array([weighed.rested if rested else weighed.received]), np.array([near_minutes(known)])
        error_min = np.abs(said_min - near_min)
        counted.add(near_min >= WARN_AFTER_MIN, said_min >= self.model.warning_minutes, said_min, error_min, pairs)


@lru_cache(maxsize=1)
def _scans(pair: Pair) -> dict[int, int]:
    """Return the minutes for which anything received stands, in order, and that in which it was received."""
    return {t: pair.minutes[i].minute for t, i in stand_in_indexes(pair.minutes).items()}


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule said of every window of a set; how right it was is NaN where that is not defined."""

    near: Bools
    said: Bools
    scores: Floats
    error_min: Floats
    pair: NDArray[np.int_]
    """The number of the pair that each is of."""

    def rates(self) -> dict[str, float]:
        """Return precision, recall, F1, and nDCF."""
        return tally.rates(self._of_pairs())

    def intervals(self) -> dict[str, Interval]:
        """Return of each of :meth:`rates` the 5th and 95th percentile over samples of pairs."""
        return tally.intervals(self._of_pairs())

    def auc(self) -> float:
        """Return the chance that a near one scores higher than a far one; ties count half."""
        near, far = ScoreCounts(), ScoreCounts()
        near.add(self.scores[self.near])
        far.add(self.scores[~self.near])
        return tally.auc(near, far)

    def _of_pairs(self) -> Ints:
        pairs = np.unique(self.pair, return_inverse=True)[1]
        kinds = (self.near & self.said, self.near & ~self.said, ~self.near & self.said, ~self.near & ~self.said)
        count = int(pairs.max()) + 1 if len(pairs) else 0
        return np.stack([np.bincount(pairs, weights=kind, minlength=count) for kind in kinds], axis=1).astype(np.int64)


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


def near_minutes(known: KnownTime) -> float:
    """Return the minutes near, of the seconds that are known."""
    step_s = known.step_s()
    return known.near_points() * (1.0 if step_s is None else min(step_s, float(MINUTE_S))) / MINUTE_S
