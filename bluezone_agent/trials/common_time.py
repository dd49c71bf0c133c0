"""One clock for all devices of a trial, and when its phases were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bluezone_agent.trials.clock_offsets import (
    DeviceOffset,
    LeastDelays,
    OnAirTimes,
    PairOffset,
    device_offsets,
    least_delays,
    pair_offsets,
)
from bluezone_agent.trials.plan import Phase, TrialPlan
from bluezone_agent.trials.recorded import RecordedNode
from bluezone_agent.trials.records import NS, OnAir, TrialBegan


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """When a phase was, on the common clock."""

    phase: Phase
    begins_s: float
    ends_s: float


@dataclass(frozen=True, slots=True)
class CommonTime:
    """The clocks of all devices against one, and the phases on it."""

    offsets: dict[str, DeviceOffset]
    pairs: list[PairOffset]
    phases: list[PhaseTime]

    def of(self, device: str, wall_ns: int) -> float:
        """Return a time of a device's own clock on the common one, Unix seconds."""
        return wall_ns / NS - self.offsets[device].offset_s


def common_time(plan: TrialPlan, nodes: Sequence[RecordedNode]) -> CommonTime:
    """Measure the offsets of the clocks, and place the phases.

    They begin at the planned start; without one in the middle of the times at which the devices were started.
    """
    names = [node.device for node in nodes]
    on_air: dict[tuple[str, int], int] = {}
    for node in nodes:
        for event in node.events:
            if isinstance(event, OnAir):
                on_air.setdefault((node.device, event.rotation), event.wall_ns)
    least = {pair: delay_s for node in nodes for pair, delay_s in _least_delays(node, on_air).items()}
    pairs = pair_offsets(names, least)
    synchronised = [n.device for n in nodes if n.clock and all(reading.synchronised for reading in n.clock)]
    offsets = {found.device: found for found in device_offsets(names, synchronised, pairs)}
    began = [
        event.wall_ns / NS - offsets[node.device].offset_s
        for node in nodes
        for event in node.events
        if isinstance(event, TrialBegan)
    ]
    begin_s = plan.trial.start_s if plan.trial.start_s is not None else median(began) if began else 0.0
    phases = [
        PhaseTime(phase, begin_s + at_s, begin_s + at_s + phase.length_s) for at_s, phase in plan.phase_starts_s()
    ]
    return CommonTime(offsets, pairs, phases)


def _least_delays(node: RecordedNode, on_air: OnAirTimes) -> LeastDelays:
    columns = (node.first_received[name].to_pylist() for name in ("device", "rotation", "wall_ns_min"))
    return least_delays(node.device, on_air, zip(*columns, strict=True))
