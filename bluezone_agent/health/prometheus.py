"""The state of the agent for Prometheus, in its text format (version 0.0.4).

Ages and counts only: nothing tells whom the device met, nor whether its owner was warned, because whoever watches a
machine need not know that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bluezone_agent.core.journal import Broadcasting, Journal, RadioState, Received
from bluezone_agent.core.pauses import Mode
from bluezone_agent.files import PUBLIC, replace
from bluezone_agent.health.health import AgentState, Health, Problem, health

PREFIX: Final = "bluezone_agent_"

Samples = Mapping[str, float]
"""Label, as ``of="commit"`` or empty, → value."""


def exposition(journal: Journal, agent: AgentState, now_s: float) -> str:
    """Return the metrics of an agent, judged at ``now_s``."""
    lines: list[str] = []
    for name, kind, what, samples in _metrics(health(journal, agent, now_s), journal, now_s):
        lines += [f"# HELP {PREFIX}{name} {what}", f"# TYPE {PREFIX}{name} {kind}"]
        lines += [
            f"{PREFIX}{name}{{{label}}} {_number(value)}" if label else f"{PREFIX}{name} {_number(value)}"
            for label, value in samples.items()
        ]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return "+Inf" if value == math.inf else f"{value:.15g}"


def _metrics(state: Health, journal: Journal, now_s: float) -> Iterator[tuple[str, str, str, Samples]]:
    """Yield each metric: name, type, help, samples."""
    ages = {f'of="{name}"': age.age_s for name, age in state.ages.items() if age.age_s is not None}
    limits = {f'of="{name}"': age.limit_s for name, age in state.ages.items() if age.limit_s is not None}
    broadcasting, radio = journal.get(Broadcasting), journal.get(RadioState)
    yield "running", "gauge", "Whether an agent runs on this state.", {"": state.running}
    yield "healthy", "gauge", "Whether nothing is wrong.", {"": not state.problems}
    yield "problem", "gauge", "What is wrong.", {f'problem="{p}"': p in state.problems for p in Problem}
    paused = state.pause.mode if state.pause else None
    yield "paused", "gauge", "What the owner has paused.", {f'mode="{mode}"': mode == paused for mode in Mode}
    yield "age_seconds", "gauge", "Since something was last done; +Inf where its time lies in the future.", ages
    yield "age_limit_seconds", "gauge", "Older is a fault.", limits
    yield "judged_timestamp_seconds", "gauge", "When all this was so, Unix time.", {"": now_s}
    rotations = broadcasting.rotations if broadcasting else 0
    yield "identifiers_total", "counter", "Identifiers broadcast since the start.", {"": rotations}
    adverts = "Advertisements received since the start, by what became of them."
    yield "adverts_total", "counter", adverts, _adverts(journal.get(Received))
    sessions, scan_restarts = (radio.sessions, radio.scan_restarts) if radio else (0, 0)
    yield "radio_openings_total", "counter", "Openings of the radio since the start.", {"": sessions}
    yield "scan_restarts_total", "counter", "Scans started again since the start.", {"": scan_restarts}


def _adverts(received: Received | None) -> Samples:
    if received is None:
        return {}
    counts = received.by_protocol | {reason: count for reason, count in received.discarded.items() if count}
    return {f'kind="{kind}"': count for kind, count in sorted(counts.items())}


def write(path: Path, text: str) -> None:
    """Put ``text`` into ``path`` at once, so that a reader never sees half of it; raises OSError."""
    replace(path, text.encode(), mode=PUBLIC, durable=False)  # the next minute brings the next, and a card wears
