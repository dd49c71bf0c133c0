"""The state of the agent for Prometheus, in its text format (version 0.0.4).

The metrics are ages and counts only: they reveal neither contacts nor warnings, which someone who monitors a machine
need not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bluezone_agent.core.journal import Broadcasting, Journal, RadioState, Received
from bluezone_agent.core.pauses import Mode
from bluezone_agent.health.health import OWNER_ONLY, AgentState, Health, Problem, health
from bluezone_agent.health.metrics_file import PREFIX


def exposition(journal: Journal, agent: AgentState, now_s: float) -> str:
    """Return the metrics of an agent, judged at ``now_s``."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Agent(health(journal, agent, now_s), journal, now_s))
    return generate_latest(registry).decode()


class _Agent(Collector):
    """The state of an agent at one moment, in a separate registry: this process counts nothing itself."""

    def __init__(self, state: Health, journal: Journal, now_s: float) -> None:
        self._state = state
        self._journal = journal
        self._now_s = now_s

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        state = self._state
        ages = [(what, age.age_s) for what, age in state.ages.items() if age.age_s is not None]
        limits = [(what, age.limit_s) for what, age in state.ages.items() if age.limit_s is not None]
        paused = state.pause.mode if state.pause else None
        yield _gauge("running", "Whether an agent is running on this state.", state.running)
        yield _gauge("healthy", "Whether there is no problem.", not set(state.problems) - OWNER_ONLY)
        yield _gauges(
            "problem",
            "Problems of the agent.",
            "problem",
            ((p, p in state.problems) for p in Problem if p not in OWNER_ONLY),
        )
        yield _gauges("paused", "Pauses that the owner requested.", "mode", ((mode, mode == paused) for mode in Mode))
        yield _gauges(
            "age_seconds", "Time since an activity was last done; +Inf if its time lies in the future.", "of", ages
        )
        yield _gauges("age_limit_seconds", "Limit of an age; a higher age is a fault.", "of", limits)
        yield _gauge("judged_timestamp_seconds", "Time of this report, Unix time.", self._now_s)
        yield from self._counters()

    def _counters(self) -> Iterator[Metric]:
        broadcasting, radio = self._journal.get(Broadcasting), self._journal.get(RadioState)
        rotations = broadcasting.rotations if broadcasting else 0
        yield _counter("identifiers", "Identifiers broadcast since the start.", rotations)
        adverts = CounterMetricFamily(
            f"{PREFIX}adverts",
            "Advertisements received since the start, by protocol or reason for discarding.",
            labels=("kind",),
        )
        for kind, count in sorted(_adverts(self._journal.get(Received)).items()):
            adverts.add_metric((kind,), count)
        yield adverts
        sessions, scan_restarts = (radio.sessions, radio.scan_restarts) if radio else (0, 0)
        yield _counter("radio_openings", "Times that the radio was opened since the start.", sessions)
        yield _counter("scan_restarts", "Scan restarts since the start.", scan_restarts)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, what, value=value)


def _gauges(name: str, what: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, what, labels=(label,))
    for labelled, value in values:
        family.add_metric((str(labelled),), value)
    return family


def _counter(name: str, what: str, value: float) -> Metric:
    """Return a counter; its ending ``_total`` is the format's."""
    return CounterMetricFamily(PREFIX + name, what, value=value)


def _adverts(received: Received | None) -> Mapping[str, int]:
    if received is None:
        return {}
    return received.by_protocol | {str(reason): count for reason, count in received.discarded.items() if count}
