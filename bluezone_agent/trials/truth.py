"""The true distances of a trial, from its plan and its marks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from bluezone_agent.trials.common_time import CommonTime, PhaseTime
from bluezone_agent.trials.geometry import true_distance_m
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.recorded import RecordedNode

FROM_PLAN, NOTED = "plan", "mark"
Pair = frozenset[str]


@dataclass(frozen=True, slots=True)
class TrueDistance:
    """How far apart two devices were for a while, on the common clock."""

    phase: str
    one: str
    other: str
    begins_s: float
    ends_s: float
    distance_m: float
    source: str
    confidence: int


TrueDistances = Mapping[Pair, Sequence[TrueDistance]]


def true_distances(plan: TrialPlan, nodes: Sequence[RecordedNode], time: CommonTime) -> list[TrueDistance]:
    """Return every known distance, pair by pair in the order of time.

    A mark counts until the next one of its pair, or the end of the phase.
    """
    names = sorted(device.id for device in plan.devices)
    marks: dict[Pair, list[tuple[float, float]]] = {}
    for node in nodes:
        for mark in node.marks:
            for one, other, metres in mark.distances:
                marks.setdefault(frozenset((one, other)), []).append((time.of(node.device, mark.wall_ns), metres))
    found: list[TrueDistance] = []
    for one, other in combinations(names, 2):
        of_pair = sorted(marks.get(frozenset((one, other)), ()))
        for when in time.phases:
            noted = [(at_s, metres) for at_s, metres in of_pair if when.begins_s <= at_s < when.ends_s]
            found += _of_phase(when, one, other, noted)
    return found


def by_pair(found: Iterable[TrueDistance]) -> TrueDistances:
    """Return the distances of each pair, in their order."""
    pairs: dict[Pair, list[TrueDistance]] = {}
    for one in found:
        pairs.setdefault(frozenset((one.one, one.other)), []).append(one)
    return pairs


def _of_phase(when: PhaseTime, one: str, other: str, noted: Sequence[tuple[float, float]]) -> Iterator[TrueDistance]:
    def known(begins_s: float, ends_s: float, metres: float, source: str) -> TrueDistance:
        return TrueDistance(when.phase.name, one, other, begins_s, ends_s, metres, source, when.phase.confidence)

    until_s = noted[0][0] if noted else when.ends_s
    for since_s, end_s, metres in _planned(when, one, other):
        if when.begins_s + since_s < until_s:
            yield known(when.begins_s + since_s, min(until_s, when.begins_s + end_s), metres, FROM_PLAN)
    for (at_s, metres), (end_s, _next) in pairwise([*noted, (when.ends_s, 0.0)]):
        yield known(at_s, end_s, metres, NOTED)


def _planned(when: PhaseTime, one: str, other: str) -> Iterator[tuple[float, float, float]]:
    """Yield stretches of the same distance: begin and end in seconds since the phase began, metres."""
    length_s = when.phase.length_s
    step_s = 1.0 if when.phase.paths else length_s
    begin_s, last = 0.0, true_distance_m(when.phase, one, other, 0.0)
    for number in range(1, math.ceil(length_s / step_s) + 1):
        at_s = min(number * step_s, length_s)
        metres = true_distance_m(when.phase, one, other, at_s) if at_s < length_s else None
        if metres != last:
            if last is not None:
                yield begin_s, at_s, last
            begin_s, last = at_s, metres
