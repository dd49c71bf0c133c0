"""Everything that `status` reports about one agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from bluezone_agent.core.ages import age_s
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import (
    Broadcasting,
    Checked,
    Committed,
    Journal,
    RadioState,
    Received,
    Reception,
    Started,
    Used,
)
from bluezone_agent.core.listening import Span, gaps, within
from bluezone_agent.core.pauses import Pause
from bluezone_agent.core.sightings import ContactHour
from bluezone_agent.core.source_records import SourceRecord
from bluezone_agent.health.broadcast_proof import Proof, read_proof
from bluezone_agent.health.health import (
    COMMIT_LATE_S,
    Activity,
    Age,
    AgentState,
    AgentVerdict,
    Caution,
    Problem,
    health,
)

JUDGED_AFTER_S: Final = 600
"""Starting costs some seconds of CPU, which would look like a share."""


class Contents(msgspec.Struct, frozen=True):
    """The stored data of an agent that `status` reports on."""

    spans: Sequence[Span] = ()
    """At least the last 24 hours."""
    hours: Sequence[ContactHour] = ()
    """At least the last 24 hours."""
    sources: Sequence[SourceRecord] = ()
    own_keys: int = 0
    encrypted: bool = False


class Cost(msgspec.Struct, frozen=True):
    """What the running agent costs its device, on average since its start."""

    cpu_share: float
    """Of one core, 0 to 1."""
    wakeups_per_s: float
    written_per_day: int
    """Bytes written to files in 24 hours."""


class Status(msgspec.Struct, frozen=True):
    """The state of one agent. Times are Unix seconds as they were written, None for never."""

    judged_at_s: float
    running: bool
    radio: RadioState
    proof: Proof
    """Whether another receiver has received its advertisements."""
    protocol: str
    started_at_s: int | None
    advertised_at_s: int | None
    rotations: int
    received_at_s: int | None
    received_adverts: int
    discarded_adverts: int
    reception: Reception | None
    """What share of the packets on the air it received within the last day; None for unknown."""
    cost: Cost | None
    """None until it has run for :data:`JUDGED_AFTER_S`."""
    committed_at_s: int | None
    checked_at_s: int | None
    check_complete: bool | None
    complete_check_at_s: int | None
    """The last check in which every source was complete."""
    sources: int
    """Number of configured sources, as the running agent knows."""
    source_records: tuple[SourceRecord, ...]
    """Those that were checked."""
    last_day: tuple[ContactHour, ...]
    listened_s: int
    """In the last 24 hours."""
    not_listening: tuple[Span, ...]
    """Periods without scanning in the last 24 hours, after the first start, oldest first."""
    allow_linkable: tuple[str, ...]
    own_keys: int
    encrypted: bool
    """Whether a passphrase is needed to read them."""
    ages: Mapping[Activity, Age]
    problems: tuple[Problem, ...]
    cautions: tuple[Caution, ...]
    verdict: AgentVerdict
    pause: Pause | None
    """What its owner has paused; None for nothing."""


def status(journal: Journal, agent: AgentState, stored: Contents, now_s: float) -> Status:
    """Judge an agent at ``now_s`` and report what it has stored."""
    judged = health(journal, agent, now_s)
    started, broadcasting, received = journal.get(Started), journal.get(Broadcasting), journal.get(Received)
    committed, checked = journal.get(Committed), journal.get(Checked)
    spans = within(stored.spans, now_s - DAY_S, now_s)
    return Status(
        judged_at_s=now_s,
        running=judged.running,
        radio=journal.get(RadioState) or RadioState(0),
        proof=read_proof(journal),
        protocol=started.protocol if started else "",
        started_at_s=started.at_s if started else None,
        advertised_at_s=broadcasting.at_s if broadcasting else None,
        rotations=broadcasting.rotations if broadcasting else 0,
        received_at_s=received.at_s if received else None,
        received_adverts=received.sightings if received else 0,
        discarded_adverts=sum(received.discarded.values()) if received else 0,
        reception=_recent(journal.get(Reception), started, now_s),
        cost=own_cost(journal) if judged.running else None,
        committed_at_s=committed.at_s if committed else None,
        checked_at_s=checked.at_s if checked else None,
        check_complete=checked.complete if checked else None,
        complete_check_at_s=checked.complete_at_s if checked else None,
        sources=started.sources if started else 0,
        source_records=tuple(stored.sources),
        last_day=tuple(hour for hour in stored.hours if hour.starts_at_s <= now_s),
        listened_s=sum(s.ends_at_s - s.starts_at_s for s in spans if s.listened),
        not_listening=tuple(gaps(spans, spans[0].starts_at_s, now_s - COMMIT_LATE_S)) if spans else (),
        allow_linkable=started.allow_linkable if started else (),
        own_keys=stored.own_keys,
        encrypted=stored.encrypted,
        ages=judged.ages,
        problems=judged.problems,
        cautions=judged.cautions,
        verdict=judged.verdict,
        pause=judged.pause,
    )


def _recent(found: Reception | None, started: Started | None, now_s: float) -> Reception | None:
    """Return an estimate of the last day and of this run, which may have another radio than the one before."""
    if found is None or started is None or found.at_s < started.at_s:
        return None
    age = age_s(now_s, found.at_s)
    return found if age is not None and age <= DAY_S else None


def own_cost(journal: Journal) -> Cost | None:
    """Return what an agent that runs costs; None in its first 10 minutes."""
    used, started = journal.get(Used), journal.get(Started)
    if used is None or started is None or used.at_s < started.at_s or used.running_s < JUDGED_AFTER_S:
        return None
    return Cost(
        cpu_share=used.cpu_s / used.running_s,
        wakeups_per_s=used.wakeups / used.running_s,
        written_per_day=round(used.written_bytes / used.running_s * DAY_S),
    )
