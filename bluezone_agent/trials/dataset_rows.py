"""The rows of a dataset's small tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec

from bluezone_agent.trials.common_time import CommonTime, common_time
from bluezone_agent.trials.folder import TrialFolder
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.recorded import RecordedNode, read_nodes
from bluezone_agent.trials.records import NS, DeviceFound, MinuteCounts, OnAir
from bluezone_agent.trials.truth import TrueDistance, true_distances

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedTrial:
    """All that was recorded, on one clock, and the truth."""

    plan: TrialPlan
    nodes: list[RecordedNode]
    time: CommonTime
    truth: list[TrueDistance]


def read_trial(trial: TrialFolder) -> RecordedTrial:
    """Read a trial's recordings. Raises PlanError, TrialError, OSError."""
    plan = trial.plan()
    nodes = read_nodes(trial, plan)
    time = common_time(plan, nodes)
    return RecordedTrial(plan, nodes, time, true_distances(plan, nodes, time))


def _phases(trial: RecordedTrial) -> Iterator[Row]:
    for when in trial.time.phases:
        phase = when.phase
        yield {
            "phase": phase.name,
            "begins_s": when.begins_s,
            "ends_s": when.ends_s,
            "posture": phase.posture,
            "obstacles": phase.obstacles,
            "confidence": phase.confidence,
        }


def _devices(trial: RecordedTrial) -> Iterator[Row]:
    for node in trial.nodes:
        device, about, offset = trial.plan.device(node.device), node.about, trial.time.offsets[node.device]
        planned = {} if device is None else {k: getattr(device, k) for k in ("person", "role", "carried", "model")}
        used = {} if about is None else {k: getattr(about, k) for k in ("radio", "scan_mode", "system")}
        yield {
            "device": node.device,
            **planned,
            **used,
            "offset_s": offset.offset_s,
            "offset_error_s": offset.error_s,
            "unreadable_bytes": node.unreadable_bytes,
            "lost_packets": sum(event.lost for event in node.events if isinstance(event, MinuteCounts)),
        }


def _phones(trial: RecordedTrial) -> Iterator[Row]:
    for device in trial.plan.devices:
        if not device.runs:
            yield {k: getattr(device, k) for k in ("person", "role", "carried", "model")} | {"device": device.id}


def _found(trial: RecordedTrial) -> Iterator[Row]:
    for node in trial.nodes:
        for event in node.events:
            if isinstance(event, DeviceFound):
                yield {
                    "receiver": node.device,
                    "device": event.device,
                    "time_s": trial.time.of(node.device, event.wall_ns),
                    "rotation": event.number,
                    "how": event.how,
                }


def _on_air(trial: RecordedTrial) -> Iterator[Row]:
    for node in trial.nodes:
        for event in node.events:
            if isinstance(event, OnAir):
                yield {
                    "device": node.device,
                    "rotation": event.rotation,
                    "time_s": trial.time.of(node.device, event.wall_ns),
                    "power_dbm": event.power_dbm,
                    "measured": event.measured,
                }


def _marks(trial: RecordedTrial) -> Iterator[Row]:
    for node in trial.nodes:
        for mark in node.marks:
            yield {
                "device": node.device,
                "time_s": trial.time.of(node.device, mark.wall_ns),
                "text": mark.text,
                "distances": " ".join(f"{one},{other}={metres:g}" for one, other, metres in mark.distances),
            }


def _clock(trial: RecordedTrial) -> Iterator[Row]:
    for node in trial.nodes:
        for both in node.clock:
            yield {
                "device": node.device,
                "boottime_s": both.boottime_ns / NS,
                "wall_s": both.wall_ns / NS,
                "synchronised": both.synchronised,
                "ntp_synchronised": both.ntp_synchronised,
                "estimated_error_s": both.estimated_error_s,
                "maximum_error_s": both.maximum_error_s,
            }


def _minutes(trial: RecordedTrial) -> Iterator[Row]:
    for node in trial.nodes:
        for event in node.events:
            if isinstance(event, MinuteCounts):
                time_s = trial.time.of(node.device, event.wall_ns)
                yield msgspec.structs.asdict(event) | {"device": node.device, "time_s": time_s}


def _listed(rows: Callable[[RecordedTrial], Iterator[Row]]) -> Callable[[RecordedTrial], list[Row]]:
    return lambda trial: list(rows(trial))


ROWS: Final[Mapping[str, Callable[[RecordedTrial], list[Row]]]] = {
    "truth": lambda trial: [asdict(known) for known in trial.truth],
    "phases": _listed(_phases),
    "devices": lambda trial: [*_devices(trial), *_phones(trial)],
    "found": _listed(_found),
    "on_air": _listed(_on_air),
    "marks": _listed(_marks),
    "clock": _listed(_clock),
    "pair_offsets": lambda trial: [asdict(pair) for pair in trial.time.pairs],
    "minutes": _listed(_minutes),
}
"""Every table but the packets."""
