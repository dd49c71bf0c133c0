"""The state of the agent for Prometheus, in its text format (version 0.0.4).

Ages and counts only: nothing tells whom the device met, nor whether its owner was warned, because whoever watches a
machine need not know that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bluezone_agent.core.pauses import Mode
from bluezone_agent.files import PUBLIC, replace
from bluezone_agent.health.health import RADIO, Health, Problem, Signs, health, sign
from bluezone_agent.stores.store import Store

PREFIX: Final = "bluezone_agent_"

Samples = Mapping[str, float]
"""Label, as ``of="commit"`` or empty, → value."""


def exposition(store: Store, now_s: float) -> str:
    """Return the metrics of the agent whose store this is, judged at ``now_s``."""
    lines: list[str] = []
    for name, kind, what, samples in _metrics(health(store, now_s), store.signs(), now_s):
        lines += [f"# HELP {PREFIX}{name} {what}", f"# TYPE {PREFIX}{name} {kind}"]
        lines += [
            f"{PREFIX}{name}{{{label}}} {value:.15g}" if label else f"{PREFIX}{name} {value:.15g}"
            for label, value in samples.items()
        ]
    return "\n".join(lines) + "\n"


def _metrics(state: Health, signs: Signs, now_s: float) -> Iterator[tuple[str, str, str, Samples]]:
    """Yield each metric: name, type, help, samples."""
    since = {name: age.since_s for name, age in state.ages.items() if age.since_s is not None}
    limits = {name: age.limit_s for name, age in state.ages.items() if age.limit_s is not None}
    received, broadcast, radio = (sign(signs, name)[1] for name in ("heard", "broadcast", RADIO))
    yield "running", "gauge", "Whether an agent runs on this state.", {"": state.running}
    yield "healthy", "gauge", "Whether nothing is wrong.", {"": not state.problems}
    yield "problem", "gauge", "What is wrong.", {f'problem="{p}"': p in state.problems for p in Problem}
    paused = state.pause.mode if state.pause else None
    yield "paused", "gauge", "What the owner has paused.", {f'mode="{mode}"': mode == paused for mode in Mode}
    yield "age_seconds", "gauge", "Since something was last done.", {f'of="{n}"': now_s - at for n, at in since.items()}
    yield "age_limit_seconds", "gauge", "Older is a fault.", {f'of="{n}"': limit for n, limit in limits.items()}
    yield "judged_timestamp_seconds", "gauge", "When all this was so, Unix time.", {"": now_s}
    yield "identifiers_total", "counter", "Identifiers broadcast since the start.", {"": broadcast.get("rotations", 0)}
    yield (
        "adverts_total",
        "counter",
        "Adverts heard since the start, by what became of them.",
        {f'kind="{kind}"': count for kind, count in sorted(received.items())},
    )
    yield "radio_openings_total", "counter", "Openings of the radio since the start.", {"": radio.get("sessions", 0)}
    yield "scan_restarts_total", "counter", "Scans started again since the start.", {"": radio.get("scan_restarts", 0)}


def write(path: Path, text: str) -> None:
    """Put ``text`` into ``path`` at once, so that a reader never sees half of it; raises OSError."""
    replace(path, text.encode(), mode=PUBLIC, durable=False)  # the next minute brings the next, and a card wears
