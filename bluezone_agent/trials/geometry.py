"""Where the devices of a plan are, and how far apart: the truth of a trial, and the positions of its simulation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bluezone_agent.trials.plan import Phase

TOLERANCE: Final = 0.02
"""Share of a distance by which positions may miss it: a tape measure in a room is no better."""
STARTS: Final = 30
STEPS: Final = 1000
STILL_M: Final = 1e-4
Floats = NDArray[np.float64]
ROOM_M: Final = (6.0, 4.0)
"""Where people move in the simulation of a free phase."""


class Spot(NamedTuple):
    """A device's position in a plane; the direction in which its carrier faces is counter-clockwise from the x axis."""

    x_m: float
    y_m: float
    facing_deg: float = 0.0


def place_of(phase: Phase, device: str, since_begin_s: float) -> Spot | None:
    """Return where the plan puts a device; None where it takes no part, or the plan does not say."""
    if phase.positions is not None and device in phase.positions:
        return Spot(*phase.positions[device])
    if phase.paths is not None and device in phase.paths:
        return _on_path(phase.paths[device], since_begin_s)
    return None


def true_distance_m(phase: Phase, one: str, other: str, since_begin_s: float) -> float | None:
    """Return the distance that the plan states; None where it states none."""
    for a, b, metres in phase.distances or ():
        if {a, b} == {one, other}:
            return float(metres)
    here, there = place_of(phase, one, since_begin_s), place_of(phase, other, since_begin_s)
    return None if here is None or there is None else math.dist(here[:2], there[:2])


def simulated_place(phase: Phase, devices: Sequence[str], device: str, since_begin_s: float) -> Spot | None:
    """Return where a device is on the virtual air: as planned, as the distances ask, or moving about freely."""
    if phase.free:
        return _strolling(devices.index(device), since_begin_s)
    if phase.distances is not None:
        return placed(tuple((str(a), str(b), float(m)) for a, b, m in phase.distances)).get(device)
    return place_of(phase, device, since_begin_s)


@lru_cache(maxsize=256)
def placed(distances: tuple[tuple[str, str, float], ...]) -> Mapping[str, Spot]:
    """Return positions with these distances, by stress majorisation (SMACOF) from several starts.

    Raises ValueError if no positions in a plane were found that have them.
    """
    names = sorted({name for a, b, _m in distances for name in (a, b)})
    wanted, known = np.zeros((len(names),) * 2), np.zeros((len(names),) * 2)
    for a, b, metres in distances:
        i, j = names.index(a), names.index(b)
        wanted[i, j] = wanted[j, i] = metres
        known[i, j] = known[j, i] = 1.0
    random = np.random.default_rng(0)
    for _ in range(STARTS):
        at = _majorised(random.normal(scale=wanted.max(), size=(len(names), 2)), wanted, known)
        if np.all(_missed(at, wanted, known) <= TOLERANCE * wanted):
            return {name: Spot(float(x), float(y)) for name, (x, y) in zip(names, at, strict=True)}
    raise ValueError("no positions in a plane have these distances")


def _majorised(at: Floats, wanted: Floats, known: Floats) -> Floats:
    laplacian = np.linalg.pinv(np.diag(known.sum(1)) - known)
    for _ in range(STEPS):
        ratio = known * wanted / np.maximum(_apart(at), 1e-9)
        moved = laplacian @ (np.diag(ratio.sum(1)) - ratio) @ at
        still = np.abs(moved - at).max() < STILL_M
        at = moved
        if still or np.all(_missed(at, wanted, known) <= TOLERANCE / 10 * wanted):
            break
    return at


def _missed(at: Floats, wanted: Floats, known: Floats) -> Floats:
    return np.abs(_apart(at) - wanted) * known


def _apart(at: Floats) -> Floats:
    found: Floats = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    return found


def _on_path(points: Sequence[Sequence[float]], at_s: float) -> Spot:
    for (t0, x0, y0), (t1, x1, y1) in pairwise(points):
        if t0 <= at_s < t1:
            part = (at_s - t0) / (t1 - t0)
            facing = math.degrees(math.atan2(y1 - y0, x1 - x0)) if (x0, y0) != (x1, y1) else 0.0
            return Spot(x0 + part * (x1 - x0), y0 + part * (y1 - y0), facing)
    first, last = points[0], points[-1]
    return Spot(*(first if at_s < first[0] else last)[1:])


def _strolling(number: int, at_s: float) -> Spot:
    """Return a smooth way through a room, another one for each number."""
    turn = 2 * math.pi * at_s
    width, depth = ROOM_M
    x = width / 2 * (1 + math.sin(turn / (61 + 13 * number) + number))
    y = depth / 2 * (1 + math.sin(turn / (47 + 17 * number) + 2 * number))
    return Spot(x, y, (at_s * 3 + 90 * number) % 360)
