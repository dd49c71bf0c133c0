"""What has to be true of a phase: it lasts, and its truth is stated in one way, of devices that there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Final

from bluezone_agent.errors import N_
from bluezone_agent.plans.mistakes import Mistakes
from bluezone_agent.plans.toml_lines import Where
from bluezone_agent.trials.geometry import placed
from bluezone_agent.trials.plan import Phase

LONGEST_MIN: Final = 7 * 24 * 60.0
FARTHEST_M: Final = 1000.0
NEAREST_M: Final = 0.01
TRUTHS: Final = ("positions", "distances", "paths", "free")


def require_phase(phase: Phase, where: Where, devices: Sequence[str], mistakes: Mistakes) -> None:
    """Raise PlanError for the first rule that a phase breaks; ``devices`` are the ids of all devices."""
    if not phase.name.strip():
        raise mistakes.at((*where, "name"), N_("a phase has no name"), N_("give it one, such as 2m-facing"))
    if not 0 < phase.minutes <= LONGEST_MIN:
        raise mistakes.at(
            (*where, "minutes"),
            N_("phase {name}: minutes = {value} is not a duration"),
            N_("give more than 0 and at most 10080 minutes (a week)"),
            name=phase.name,
            value=f"{phase.minutes:g}",
        )
    if phase.confidence not in range(4):
        raise mistakes.at(
            (*where, "confidence"),
            N_("phase {name}: confidence = {value} is not on the scale"),
            N_("0 guessed, 1 estimated, 2 paced, 3 measured"),
            name=phase.name,
            value=phase.confidence,
        )
    _require_one_truth(phase, where, mistakes)
    for device in (*(phase.positions or ()), *(phase.paths or ())):
        _require_device(device, phase, where, devices, mistakes)
    _require_positions(phase, (*where, "positions"), mistakes)
    _require_paths(phase, (*where, "paths"), mistakes)
    _require_distances(phase, (*where, "distances"), devices, mistakes)


def _require_one_truth(phase: Phase, where: Where, mistakes: Mistakes) -> None:
    stated = [name for name in TRUTHS if getattr(phase, name)]
    if len(stated) == 1 or set(stated) == {"positions", "paths"}:
        return
    if stated:
        raise mistakes.at(
            (*where, stated[-1]),
            N_("phase {name} has both {one} and {other}"),
            N_("keep the one that says where everybody is; positions and paths go together"),
            name=phase.name,
            one=stated[0],
            other=stated[-1],
        )
    raise mistakes.at(
        where,
        N_("phase {name} does not say how far apart the devices are"),
        N_("add positions, distances or paths, or free = true if marks will say it"),
        name=phase.name,
    )


def _require_device(device: str, phase: Phase, where: Where, devices: Sequence[str], mistakes: Mistakes) -> None:
    if device not in devices:
        raise mistakes.at(
            (*where, next(name for name in TRUTHS if device in str(getattr(phase, name)))),
            N_('phase {name}: there is no device "{value}"'),
            N_("the plan has: {devices}"),
            name=phase.name,
            value=device,
            devices=", ".join(devices),
        )


def _require_positions(phase: Phase, where: Where, mistakes: Mistakes) -> None:
    for device, position in (phase.positions or {}).items():
        if len(position) not in (2, 3) or not all(map(_is_place, position)):
            raise mistakes.at(
                where,
                N_("phase {name}: the position of {device} is {value}"),
                N_("write [x, y] in metres up to 1000, or [x, y, degrees]"),
                name=phase.name,
                device=device,
                value=position,
            )
        if phase.paths and device in phase.paths:
            raise mistakes.at(
                where,
                N_("phase {name}: {device} has a position and a path"),
                N_("keep one of them"),
                name=phase.name,
                device=device,
            )
    for (one, here), (other, there) in combinations((phase.positions or {}).items(), 2):
        if math.dist(here[:2], there[:2]) < NEAREST_M:
            raise mistakes.at(
                where,
                N_("phase {name}: {one} and {other} are at the same place"),
                N_("put them at least 0.01 m apart; x and y are in metres"),
                name=phase.name,
                one=one,
                other=other,
            )


def _require_paths(phase: Phase, where: Where, mistakes: Mistakes) -> None:
    for device, points in (phase.paths or {}).items():
        if not points or not all(len(point) == 3 and all(map(_is_place, point[1:])) for point in points):
            raise mistakes.at(
                where,
                N_("phase {name}: a point on the path of {device} is not [seconds, x, y]"),
                N_("write [[0, 5.0, 0.0], [30, 0.5, 0.0]]: seconds since the phase began, metres"),
                name=phase.name,
                device=device,
            )
        times = [point[0] for point in points]
        if any(not a < b for a, b in pairwise(times)):
            raise mistakes.at(
                where,
                N_("phase {name}: the times on the path of {device} do not ascend"),
                N_("sort the points by their first number, and use each time once"),
                name=phase.name,
                device=device,
            )
        if not 0 <= times[0] <= times[-1] <= phase.length_s:
            raise mistakes.at(
                where,
                N_("phase {name}: the path of {device} is not within its {seconds} s"),
                N_("count from the start of the phase, or give the phase more minutes"),
                name=phase.name,
                device=device,
                seconds=f"{phase.length_s:g}",
            )


def _require_distances(phase: Phase, where: Where, devices: Sequence[str], mistakes: Mistakes) -> None:
    pairs: list[tuple[str, str, float]] = []
    for entry in phase.distances or ():
        kinds = [isinstance(part, str) for part in entry]
        if kinds != [True, True, False] or not _is_distance(entry[2]):
            raise mistakes.at(
                where,
                N_("phase {name}: {value} is not a distance"),
                N_('write ["pi-1", "pi-2", 1.5]: two devices, and metres from 0.01 to 1000'),
                name=phase.name,
                value=entry,
            )
        one, other, metres = str(entry[0]), str(entry[1]), float(entry[2])
        for device in (one, other):
            _require_device(device, phase, where, devices, mistakes)
        if one == other or any({one, other} == {a, b} for a, b, _m in pairs):
            raise mistakes.at(
                where,
                N_("phase {name}: {value} is a device with itself, or a pair that is listed twice"),
                N_("list each pair of two devices once"),
                name=phase.name,
                value=entry,
            )
        pairs.append((one, other, metres))
    try:
        placed(tuple(pairs)) if pairs else None
    except ValueError as error:
        raise mistakes.at(
            where,
            N_("phase {name}: no room has these distances: {value}"),
            N_("measure again; of three devices, no distance is longer than the two others together"),
            name=phase.name,
            value=", ".join(f"{a}-{b} {m:g} m" for a, b, m in pairs),
        ) from error


def _is_place(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= FARTHEST_M


def _is_distance(value: str | float) -> bool:
    return isinstance(value, float | int) and NEAREST_M <= value <= FARTHEST_M
