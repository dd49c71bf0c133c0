"""The path loss of a trial: RSSI as a straight line over the logarithm of the distance, with intervals by pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES: Final = 2000
LEAST_SPREAD: Final = 1e-9
INTERVAL: Final = (2.5, 97.5)
"""Percentiles."""


@dataclass(frozen=True, slots=True)
class PathLoss:
    """A fit, each value with its 95 % interval from resampling pairs; None with fewer than two pairs."""

    at_1m_dbm: float
    at_1m_interval: tuple[float, float] | None
    decade_db: float
    """How much weaker at ten times the distance."""
    decade_interval: tuple[float, float] | None
    deviation_db: float
    """Of single packets from the line."""


def fitted(sums: Floats) -> PathLoss | None:
    """Fit from a row of sums for each pair: n, x, y, xx, xy, yy; None if all distances are the same."""
    if not len(sums) or (line := _line(sums.sum(0))) is None:
        return None
    intercept, slope = line
    n, x, y, xx, xy, yy = sums.sum(0)
    residual = yy - 2 * (intercept * y + slope * xy) + intercept**2 * n + 2 * intercept * slope * x + slope**2 * xx
    random = np.random.default_rng(1)
    chosen = random.integers(0, len(sums), (RESAMPLES, len(sums)))
    resampled = np.array([found for rows in chosen if (found := _line(sums[rows].sum(0))) is not None])
    bounded = len(sums) > 1 and len(resampled) > RESAMPLES / 2
    return PathLoss(
        intercept,
        _interval(resampled[:, 0]) if bounded else None,
        -slope,
        _interval(-resampled[:, 1]) if bounded else None,
        float(np.sqrt(max(residual, 0.0) / n)),
    )


def _line(sums: Floats) -> tuple[float, float] | None:
    n, x, y, xx, xy, _yy = sums
    spread = n * xx - x * x
    if spread <= LEAST_SPREAD * n * n:
        return None
    slope = (n * xy - x * y) / spread
    return float((y - slope * x) / n), float(slope)


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)
