"""The learned proximity model: minutes that were probably within 2 m, learned from recordings.

For each minute it looks at the share of its sightings that lay below each of several attenuations, in the minute itself
and in the minutes around it. Sightings far weaker than the strongest are left out: they may come from somebody else who
repeats the identifier to make the minute seem far. A value of the neighbourhood is the sum over its minutes divided by
their number, received or not, so that more and closer minutes only add. The probability is

    1 / (1 + exp(-(bias + sum over windows of mean over the window of weights . features)))

where no weight is negative and no value rises with attenuation: by construction, being closer never lowers a
probability.

The share of a minute's sightings falls with each weak one, whoever sent it. So each minute has a floor, which no added
sighting lowers: the same probability, judged only by the strongest five of each minute, with missing ones counted as
far, and by whichever of the windows that contain the minute gives the most. Where there are many sightings, the
strongest five overstate, so the floor asks for a higher probability; half an hour at 48 dB reaches it.

RSSI says so little that hardly any minute is certain: at one metre the probability is 0.5 to 0.7, at six metres 0.1. A
sum of probabilities would need half an hour at one metre for 15 minutes, and would reach 15 in a few hours at six
metres. So a minute counts in full from one probability on, not at all up to another, and partly between them.
``learned_coefficients.py`` has the coefficients, their origin and how to reproduce them.
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
"""One value each: the share of a minute's sightings below it."""
FEATURES: Final = len(BELOW_DB)
SPREAD_DB: Final = 24
"""Sightings that are weaker than the third strongest by more than this, or weaker than the strongest by more than
:data:`SPREAD_DB` + 3, are left out. Sightings of one device within a minute vary less: their standard deviation is 4 to
7 dB."""
ENOUGH: Final = 240
"""This many sightings below a limit are all that a device sends in a minute, four per second: then the share is 1,
whatever else was received."""
LONGEST_GAP_MIN: Final = 4
"""Minutes without reception for which the next received one stands in: phones that rest between scans wake every 4 or 5
minutes."""

STRONGEST: Final = 5
"""This many sightings of a minute determine its floor: the number that bluetoothd lets through per device."""
FLOOR_NOTHING_UP_TO: Final = 0.75
"""Probability up to which the floor of a minute is 0."""
FLOOR_WHOLE_FROM: Final = 0.78
"""Probability from which the floor of a minute is 1. Both were chosen, with the figures of docs/evaluation.md in view,
so that the floor covers half an hour at 48 dB and makes little else near."""

KEPT: Final = 2**14
"""Minutes whose features are kept: those with few sightings look alike, and a large trial has millions of them."""

Weight = Annotated[float, msgspec.Meta(ge=0)]


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The weights of the minutes around a minute."""

    half_width_min: Annotated[int, msgspec.Meta(ge=0, le=30)]
    """Minutes before and after."""
    weights: tuple[Weight, ...]
    """The weights of :func:`features`."""

    def __post_init__(self) -> None:
        """Raise ValueError if a weight is missing."""
        if len(self.weights) != FEATURES:
            raise ValueError(f"a window needs {FEATURES} weights, not {len(self.weights)}")


class Coefficients(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The learned values."""

    bias: float
    nothing_up_to: Annotated[float, msgspec.Meta(ge=0, lt=1)]
    """Probability up to which a minute does not count."""
    whole_from: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    """Probability from which it counts in full."""
    variance_min: Annotated[float, msgspec.Meta(gt=0)]
    """By how much the squared error of a sum of minutes grows with each minute."""
    windows: tuple[Window, ...]

    def __post_init__(self) -> None:
        """Raise ValueError if a more probable minute would count for less."""
        if self.whole_from <= self.nothing_up_to:
            raise ValueError(f"whole_from has to be above nothing_up_to, {self.nothing_up_to}")


class LearnedProximityModel(RiskModel):
    """Minutes that were probably within 2 m; 15 in 24 hours trigger a warning."""

    version = 2
    summary = N_(
        "the agent's own model, learned from recordings: it counts minutes that were probably "
        "within 2 m, judged by their attenuation and that of the minutes around them; 15 minutes "
        "in 24 hours give a warning"
    )
    warning_minutes = 15.0

    def __init__(self, coefficients: Coefficients, name: str = "learned") -> None:
        self.coefficients = coefficients
        self.name = name

    def weigh(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return how much each minute counts, 0 to 1, minutes in short gaps of reception included."""
        low, high = self.coefficients.nothing_up_to, self.coefficients.whole_from
        floors = self.floors(minutes)
        return {t: max(_counted(p, low, high), floors[t]) for t, p in self.probabilities(minutes).items()}

    def floors(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return how much each minute counts at least, 0 to 1, whatever else is received."""
        if not minutes:
            return {}
        closest = [max(column) for column in zip(*map(strongest_features, minutes), strict=True)]
        if self._probabilities({0: closest}, _everywhere)[0] <= FLOOR_NOTHING_UP_TO:  # true of most keys: saves work
            return dict.fromkeys(stand_in_indexes(minutes), 0.0)
        probabilities = self._probabilities(strongest_by_minute(minutes), best_windowed_mean)
        return {t: _counted(p, FLOOR_NOTHING_UP_TO, FLOOR_WHOLE_FROM) for t, p in probabilities.items()}

    def probabilities(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return for each minute the probability that it was within 2 m, minutes in short gaps included."""
        return self._probabilities(features_by_minute(minutes), windowed_mean)

    def _probabilities(
        self, rows: Mapping[int, Sequence[float]], mean: Callable[[Mapping[int, float], int], list[float]]
    ) -> dict[int, float]:
        """Return the probability of each minute from its row of features."""
        sums = [self.coefficients.bias] * len(rows)
        for window in self.coefficients.windows:
            products = {t: sum(map(mul, window.weights, row)) for t, row in rows.items()}
            sums = [s + a for s, a in zip(sums, mean(products, window.half_width_min), strict=True)]
        return {t: 1 / (1 + math.exp(-s)) for t, s in zip(rows, sums, strict=True)}

    def sd_minutes(self, weights: Sequence[float]) -> float:
        """Return the standard deviation of a sum of minutes, whose errors are correlated: it was measured."""
        return math.sqrt(self.coefficients.variance_min * (1 + sum(weights)))


def _counted(probability: float, low: float, high: float) -> float:
    """Return how much a minute counts: 0 up to ``low``, 1 from ``high`` on."""
    return min(1.0, max(0.0, (probability - low) / (high - low)))


def features(m: ReceivedMinute) -> list[float]:
    """Return a minute's features: :data:`FEATURES` numbers from 0 to 1, none of which rises with attenuation."""
    return list(_features(_bins(m)))


@lru_cache(maxsize=KEPT)
def _features(bins: tuple[tuple[float, int], ...]) -> tuple[float, ...]:
    strong = _strong(dict(bins))
    received = sum(strong.values())
    return tuple(max(n / received, min(1.0, n / ENOUGH)) for n in _counts_below(strong))


def strongest_features(m: ReceivedMinute) -> list[float]:
    """Return :func:`features` of only the :data:`STRONGEST` sightings: no other sighting lowers a number."""
    return list(_strongest_features(_bins(m)))


@lru_cache(maxsize=KEPT)
def _strongest_features(bins: tuple[tuple[float, int], ...]) -> tuple[float, ...]:
    strongest, left = dict[float, int](), STRONGEST
    for db, n in sorted(bins):
        strongest[db] = min(n, left)
        left -= strongest[db]
    return tuple(n / STRONGEST for n in _counts_below(strongest))


def _bins(m: ReceivedMinute) -> tuple[tuple[float, int], ...]:
    """Return the lower bound of each bin in dB, and how many sightings are in it."""
    bins = tuple([(float(HISTOGRAM_BIN_DB * b), n) for b, n in m.histogram.items()])
    return bins or ((m.attenuation_db - HISTOGRAM_BIN_DB / 2, m.count),)


def _counts_below(bins: Mapping[float, int]) -> list[float]:
    """Return how many sightings lie below each limit."""
    return [sum(parts) for parts in zip(*([n * part for part in _below(db)] for db, n in bins.items()), strict=True)]


def _strong(bins: Mapping[float, int]) -> dict[float, int]:
    """Return the bins that may come from the device itself."""
    ordered = sorted(bins)
    third_db = next(
        (db for db, n in zip(ordered, accumulate(map(bins.__getitem__, ordered)), strict=True) if n >= 3), ordered[0]
    )
    until_db = min(third_db, ordered[0] + HISTOGRAM_BIN_DB) + SPREAD_DB
    return {db: n for db, n in bins.items() if db <= until_db}


@lru_cache(maxsize=256)
def _below(low_db: float) -> list[float]:
    """Return the share of a bin that begins at ``low_db`` below each limit."""
    return [min(1.0, max(0.0, (limit - low_db) / HISTOGRAM_BIN_DB)) for limit in BELOW_DB]


def features_by_minute(minutes: Sequence[ReceivedMinute]) -> dict[int, list[float]]:
    """Return :func:`features` of each minute, in order, minutes in short gaps included."""
    own = [features(m) for m in minutes]
    return {t: own[i] for t, i in stand_in_indexes(minutes).items()}


def strongest_by_minute(minutes: Sequence[ReceivedMinute]) -> dict[int, list[float]]:
    """Return :func:`strongest_features` of each minute, in order, minutes in short gaps included.

    A minute has at least the values that an earlier and a later minute have in common, if the two are no further apart
    than a short gap: so a weak sighting in a minute without reception does not lower it.
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
    """Return which of ``minutes`` stands in for each minute: itself, or the next one for a short gap before it."""
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
    """Return for each minute the greatest mean of ``numbers`` over the windows that contain it; missing ones are 0.

    The windows are those of :func:`windowed_mean`, around any minute.
    """
    steps = range(-half_width_min, half_width_min + 1)
    sums: dict[int, float] = {}
    for t, number in numbers.items():
        for k in steps:
            sums[t + k] = sums.get(t + k, 0.0) + number
    return [max([sums[t + k] for k in steps]) / len(steps) for t in numbers]


def _everywhere(numbers: Mapping[int, float], half_width_min: int) -> list[float]:  # noqa: ARG001
    """Return the means for the case that every minute around equals the minute itself."""
    return list(numbers.values())
