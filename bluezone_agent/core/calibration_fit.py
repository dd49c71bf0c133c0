"""The fit of a calibration to readings at known distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import linear_regression, mean, stdev
from typing import Final

from bluezone_agent.core.calibration import REFERENCE_ATTENUATION_DB, Calibration, Reading

FREE_SPACE_DECADE_DB: Final = 20.0
"""Friis: power falls with the square of the distance."""
T_95: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)
"""Student's t for a two-sided interval of 95 %, with 1, 2, … degrees of freedom; the last value serves for more than
15, which errs towards wide."""


def calibrate(readings: Sequence[Reading]) -> Calibration:
    """Fit ``attenuation = a + b log10(distance)`` by least squares over readings, each of equal weight.

    Readings at one distance can't fit ``b``; then free space is assumed from there to 1 m. Packets of one reading share
    its orientation and its echoes, so the margins come from the spread between readings. Raises ValueError without
    readings.
    """
    if not readings:
        raise ValueError("no readings")
    decades = [math.log10(r.distance_m) for r in readings]
    packets = sum(r.packets for r in readings)
    if len(set(decades)) == 1:
        at_1m = [r.attenuation_db - FREE_SPACE_DECADE_DB * decades[0] for r in readings]
        margin_db = _t(len(at_1m) - 1) * stdev(at_1m) / math.sqrt(len(at_1m)) if len(at_1m) > 1 else None
        return Calibration(mean(at_1m) - REFERENCE_ATTENUATION_DB, margin_db, packets=packets)
    decade_db, at_1m_db = linear_regression(decades, [r.attenuation_db for r in readings])
    calibration = Calibration(at_1m_db - REFERENCE_ATTENUATION_DB, None, decade_db, None, packets)
    free = len(readings) - 2
    if free < 1:
        return calibration
    # the usual standard errors of a line's intercept and slope
    left = [r.attenuation_db - at_1m_db - decade_db * x for r, x in zip(readings, decades, strict=True)]
    scatter = math.sqrt(sum(e * e for e in left) / free)
    spread = sum((x - mean(decades)) ** 2 for x in decades)
    slope_error = scatter / math.sqrt(spread)
    at_1m_error = scatter * math.sqrt(1 / len(readings) + mean(decades) ** 2 / spread)
    return Calibration(
        calibration.rssi_correction_db, _t(free) * at_1m_error, decade_db, _t(free) * slope_error, packets
    )


def _t(degrees: int) -> float:
    return T_95[min(degrees, len(T_95)) - 1]
