"""Recordings in one form, whatever they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """What one receiver heard of one transmitter in one scene, and how far apart they truly were."""

    dataset: str
    scene: str
    receiver: str
    transmitter: str
    t_s: Floats
    """When each packet was received, seconds; ascending."""
    rssi_dbm: Floats
    """With the receiver's published correction added, where there is one."""
    tx_power_dbm: float
    truth_t_s: Floats
    """Times at which the distance is known, a second apart where it is measured continuously."""
    truth_m: Floats

    @property
    def attenuation_db(self) -> Floats:
        """Transmit power less received power, never below zero."""
        return np.maximum(0.0, self.tx_power_dbm - self.rssi_dbm)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a pair's time, and whether at least half of its known seconds were within 2 m."""

    pair: Pair
    starts_at_s: float
    length_s: float
    packets: slice
    """Of the pair's arrays."""
    near_s: float
    """Seconds within 2 m, scaled from the known seconds to the window's length."""

    @property
    def is_near(self) -> bool:
        """Whether a rule should say so."""
        return self.near_s >= self.length_s / 2


NEAR_M = 2.0
LEAST_KNOWN = 0.5
"""Share of a window's seconds whose distance must be known for the window to count."""


def windows(pair: Pair, length_s: float) -> list[Window]:
    """Cut a pair's known time into whole windows; those in which nothing was heard are among them.

    What is shorter than a window is one of its own length.
    """
    if not len(pair.truth_t_s):
        return []
    first, last = pair.truth_t_s[0], pair.truth_t_s[-1]
    step_s = float(np.median(np.diff(pair.truth_t_s))) if len(pair.truth_t_s) > 1 else length_s
    length_s = min(length_s, float(last - first) + step_s)
    cut: list[Window] = []
    for start in np.arange(first, last - length_s / 2, length_s):
        known = (pair.truth_t_s >= start) & (pair.truth_t_s < start + length_s)
        if known.sum() * step_s < LEAST_KNOWN * length_s:
            continue
        near_s = float((pair.truth_m[known] <= NEAR_M).mean()) * length_s
        begin, end = np.searchsorted(pair.t_s, (start, start + length_s))
        cut.append(Window(pair, float(start), length_s, slice(int(begin), int(end)), near_s))
    return cut


def thinned(pair: Pair, on_s: float = 4.0, every_s: float = 240.0) -> Pair:
    """Return the pair as a phone's schedule would have heard it: ``on_s`` seconds every ``every_s``."""
    kept = (pair.t_s - pair.truth_t_s[0]) % every_s < on_s if len(pair.t_s) else np.zeros(0, bool)
    return Pair(
        pair.dataset,
        pair.scene,
        pair.receiver,
        pair.transmitter,
        pair.t_s[kept],
        pair.rssi_dbm[kept],
        pair.tx_power_dbm,
        pair.truth_t_s,
        pair.truth_m,
    )
