"""The learned proximity model: minutes that were probably within 2 m, learned from recordings.

Of a minute it looks at which part of its sightings lay below each of some attenuations, at the minute itself and at the
minutes around. Sightings far weaker than the strongest are left out: they may be somebody else's, who repeats the
identifier to have the minute seem far. A value of the neighbourhood is the sum over its minutes divided by all of them,
received or not, so that more and closer minutes only add. The probability is

    1 / (1 + exp(-(bias + sum over windows of mean over the window of weights . features)))

in which no weight is negative and no value rises with attenuation: closer never lowers a probability, by construction.

The part of a minute's sightings falls with each weak one, whoever sent it. So each minute has a floor, which no added
sighting lowers: the same probability, judged by the strongest five of each minute alone, missing ones counted as far,
and by that of the windows with the minute in it which says most. Of many sightings the strongest five say too much, so
the floor asks for more probability; half an hour at 48 dB reaches it.

RSSI tells so little that hardly a minute is sure: at one metre the probability is 0.5 to 0.7, at six 0.1. A sum of them
would need half an hour at one metre for 15 minutes, and would find 15 in a few hours at six. So a minute counts whole
from one probability on, not at all up to another, and in part between them.
``learned_coefficients.py`` holds the coefficients, where they come from and how to make them again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import mul
from typing import Annotated, Final

import msgspec

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.risk.model import RiskModel
from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB
from bluezone_agent.errors import N_

BELOW_DB: Final = (45, 50, 55, 60, 65, 70, 75, 80)
"""A value each: the part of a minute's sightings below it."""
FEATURES: Final = len(BELOW_DB)
SPREAD_DB: Final = 24
"""Sightings that are weaker by more than this than the third strongest, or by :data:`SPREAD_DB` + 3 than the strongest,
are left out. What is received of one device within a minute spreads less: its standard deviation is 4 to 7 dB."""
ENOUGH: Final = 240
"""So many sightings below a limit are all that a device sends in a minute, four a second: then the part is 1, whatever
else was received."""
LONGEST_GAP_MIN: Final = 4
"""Unheard minutes for which the next heard one stands too: phones that rest between scans wake every 4 or 5 minutes."""

STRONGEST: Final = 5
"""So many sightings of a minute make its floor: what bluetoothd lets through of a device."""
FLOOR_NOTHING_UP_TO: Final = 0.75
"""Probability up to which the floor of a minute is 0."""
FLOOR_WHOLE_FROM: Final = 0.78
"""Probability from which the floor of a minute is 1. Both were chosen, with the figures of docs/evaluation.md in view,
so that the floor holds half an hour at 48 dB and makes little else near."""

Weight = Annotated[float, msgspec.Meta(ge=0)]


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the minutes around count for."""

    half_width_min: Annotated[int, msgspec.Meta(ge=0, le=30)]
    """Before and after."""
    weights: tuple[Weight, ...]
    """Of :func:`features`."""

    def __post_init__(self) -> None:
        """Raise ValueError where a weight is missing."""
        if len(self.weights) != FEATURES:
            raise ValueError(f"a window needs {FEATURES} weights, not {len(self.weights)}")


class Coefficients(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was learned."""

    bias: float
    nothing_up_to: Annotated[float, msgspec.Meta(ge=0, lt=1)]
    """Probability up to which a minute counts for nothing."""
    whole_from: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    """Probability from which it counts whole."""
    variance_min: Annotated[float, msgspec.Meta(gt=0)]
    """By how many minutes the square of the error of a sum of minutes grows with each of them."""
    windows: tuple[Window, ...]

    def __post_init__(self) -> None:
        """Raise ValueError where a more probable minute would count for less."""
        if self.whole_from <= self.nothing_up_to:
            raise ValueError(f"whole_from has to be above nothing_up_to, {self.nothing_up_to}")


class LearnedProximityModel(RiskModel):
    """Minutes that were probably within 2 m; 15 in 24 hours warn."""

    name = "learned"
    version = 2
    summary = N_(
        "the agent's own model, learned from recordings: it counts minutes that were probably "
        "within 2 m, judged by their attenuation and that of the minutes around them; 15 minutes "
        "in 24 hours give a warning"
    )
    warning_minutes = 15.0

    def __init__(self, coefficients: Coefficients) -> None:
        self.coefficients = coefficients

    def weigh(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return for each minute from 0 to 1 how far it counts; for those of short gaps in hearing too."""
        low, high = self.coefficients.nothing_up_to, self.coefficients.whole_from
        floors = self.floors(minutes)
        return {t: max(_counted(p, low, high), floors[t]) for t, p in self.probabilities(minutes).items()}

    def floors(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return for each minute from 0 to 1 for how much it counts at least, whatever else is received."""
        if not minutes:
            return {}
        closest = [max(column) for column in zip(*map(strongest_features, minutes), strict=True)]
        if self._probabilities({0: closest}, _everywhere)[0] <= FLOOR_NOTHING_UP_TO:  # as of most keys: saves the work
            return dict.fromkeys(stand_in_indexes(minutes), 0.0)
        probabilities = self._probabilities(strongest_by_minute(minutes), best_windowed_mean)
        return {t: _counted(p, FLOOR_NOTHING_UP_TO, FLOOR_WHOLE_FROM) for t, p in probabilities.items()}

    def probabilities(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return for each minute the probability that it was within 2 m; for those of short gaps in hearing too."""
        return self._probabilities(features_by_minute(minutes), windowed_mean)

    def _probabilities(
        self, rows: Mapping[int, Sequence[float]], mean: Callable[[Mapping[int, float], int], list[float]]
    ) -> dict[int, float]:
        """Return the probability of each minute by its row of features."""
        sums = [self.coefficients.bias] * len(rows)
        for window in self.coefficients.windows:
            products = {t: sum(map(mul, window.weights, row)) for t, row in rows.items()}
            sums = [s + a for s, a in zip(sums, mean(products, window.half_width_min), strict=True)]
        return {t: 1 / (1 + math.exp(-s)) for t, s in zip(rows, sums, strict=True)}

    def sd_minutes(self, weights: Sequence[float]) -> float:
        """Return the standard deviation of the error of a sum of minutes, which err together: it was measured."""
        return math.sqrt(self.coefficients.variance_min * (1 + sum(weights)))


def _counted(probability: float, low: float, high: float) -> float:
    """Return for how much a minute counts: nothing up to ``low``, whole from ``high`` on."""
    return min(1.0, max(0.0, (probability - low) / (high - low)))


def features(m: ReceivedMinute) -> list[float]:
    """Return what is looked at of a minute: :data:`FEATURES` numbers from 0 to 1, none higher for more attenuation."""
    bins = _strong(_bins(m))
    received = sum(bins.values())
    return [max(n / received, min(1.0, n / ENOUGH)) for n in _counts_below(bins)]


def strongest_features(m: ReceivedMinute) -> list[float]:
    """Return :func:`features` of the :data:`STRONGEST` sightings alone: no other one lowers a number."""
    bins, left = dict[float, int](), STRONGEST
    for db, n in sorted(_bins(m).items()):
        bins[db] = min(n, left)
        left -= bins[db]
    return [n / STRONGEST for n in _counts_below(bins)]


def _bins(m: ReceivedMinute) -> dict[float, int]:
    """Return how many sightings are in each bin, by where it begins, in dB."""
    bins = {float(HISTOGRAM_BIN_DB * b): n for b, n in m.histogram.items()}
    return bins or {m.attenuation_db - HISTOGRAM_BIN_DB / 2: m.count}


def _counts_below(bins: Mapping[float, int]) -> list[float]:
    """Return how many sightings lie below each limit."""
    return [sum(parts) for parts in zip(*([n * part for part in _below(db)] for db, n in bins.items()), strict=True)]


def _strong(bins: Mapping[float, int]) -> dict[float, int]:
    """Return the bins that may be of the device itself."""
    ordered = sorted(bins)
    third_db = next(
        (db for db, n in zip(ordered, accumulate(map(bins.__getitem__, ordered)), strict=True) if n >= 3), ordered[0]
    )
    until_db = min(third_db, ordered[0] + HISTOGRAM_BIN_DB) + SPREAD_DB
    return {db: n for db, n in bins.items() if db <= until_db}


@lru_cache(maxsize=256)
def _below(low_db: float) -> list[float]:
    """Return which part of a bin that begins at ``low_db`` lies below each limit."""
    return [min(1.0, max(0.0, (limit - low_db) / HISTOGRAM_BIN_DB)) for limit in BELOW_DB]


def features_by_minute(minutes: Sequence[ReceivedMinute]) -> dict[int, list[float]]:
    """Return :func:`features` of each minute, in order, and of those of short gaps."""
    own = [features(m) for m in minutes]
    return {t: own[i] for t, i in stand_in_indexes(minutes).items()}


def strongest_by_minute(minutes: Sequence[ReceivedMinute]) -> dict[int, list[float]]:
    """Return :func:`strongest_features` of each minute, in order, and of those of short gaps.

    A minute has at least what a minute before it and one after it have both, that are as far apart as a short gap: so a
    weak sighting in an unheard minute takes nothing away from it.
    """
    own = {m.minute: strongest_features(m) for m in minutes}
    rows = dict(own)
    for after, row in own.items():
        for before in range(after - LONGEST_GAP_MIN - 1, after - 1):
            if before in own:
                both = list(map(min, own[before], row))
                rows.update((t, list(map(max, rows.get(t, both), both))) for t in range(before + 1, after))
    return dict(sorted(rows.items()))


def stand_in_indexes(minutes: Sequence[ReceivedMinute]) -> dict[int, int]:
    """Return which of ``minutes``, in order, stands for each minute: itself, and the next for a short gap before it."""
    stand_ins: dict[int, int] = {}
    last = -math.inf
    for i, m in enumerate(minutes):
        gap = m.minute - last - 1
        stand_ins.update((t, i) for t in range(m.minute - (int(gap) if gap <= LONGEST_GAP_MIN else 0), m.minute + 1))
        last = m.minute
    return stand_ins


def windowed_mean(numbers: Mapping[int, float], half_width_min: int) -> list[float]:
    """Return for each minute the mean of ``numbers`` over ``half_width_min`` minutes before and after; missing: 0."""
    whole = 2 * half_width_min + 1
    steps = range(-half_width_min, half_width_min + 1)
    return [sum([numbers.get(t + k, 0.0) for k in steps]) / whole for t in numbers]


def best_windowed_mean(numbers: Mapping[int, float], half_width_min: int) -> list[float]:
    """Return for each minute the greatest mean of ``numbers`` over windows that it is in; missing: 0.

    Windows are those of :func:`windowed_mean`, around any minute.
    """
    steps = range(-half_width_min, half_width_min + 1)
    sums: dict[int, float] = {}
    for t, number in numbers.items():
        for k in steps:
            sums[t + k] = sums.get(t + k, 0.0) + number
    return [max([sums[t + k] for k in steps]) / len(steps) for t in numbers]


def _everywhere(numbers: Mapping[int, float], half_width_min: int) -> list[float]:  # noqa: ARG001
    """Return the means where every minute around is as the minute itself."""
    return list(numbers.values())
