"""How many packets a plan lets a receiver expect of a sender."""

from __future__ import annotations

from typing import Final

from bluezone_agent.trials.plan import Phase, Schedule, TrialPlan

SILENT_S: Final = 30.0
"""A sender in range is received every second; bluetoothd with a strict duplicate filter reports one in 11 s."""


def takes_part(phase: Phase, device: str) -> bool:
    """Return whether a device has a place in a phase."""
    if phase.free:
        return True
    placed = {*(phase.positions or ()), *(phase.paths or ())}
    return device in placed or any(device in entry[:2] for entry in phase.distances or ())


def expected_packets(plan: TrialPlan, phase: Phase, receiver: str, sender: str, seconds: float) -> float | None:
    """Return how many packets the sender transmits while the receiver scans for a part of a phase, ``seconds`` long.

    None if one of them takes no part.
    """
    if not (takes_part(phase, receiver) and takes_part(phase, sender)):
        return None
    scan = plan.radio.scan
    share = scan.on_s / scan.every_s if isinstance(scan, Schedule) else 1.0
    return max(0.0, seconds) * share / plan.radio.interval_s


def silent_after_s(plan: TrialPlan) -> float:
    """Return for how long a sender may not be received before something may be wrong with it."""
    scan = plan.radio.scan
    return SILENT_S + (scan.every_s if isinstance(scan, Schedule) else 0.0)


def together_since_s(plan: TrialPlan, since_start_s: float, one: str, other: str) -> float | None:
    """Return since when, seconds after the start, two devices take part together; None if they do not now."""
    found = plan.phase_at(since_start_s)
    if found is None or not all(takes_part(found[1], device) for device in (one, other)):
        return None
    since_s = since_start_s - found[0]
    for at_s, phase in reversed(list(plan.phase_starts_s())):
        if at_s < since_s:
            if not all(takes_part(phase, device) for device in (one, other)):
                break
            since_s = at_s
    return since_s
