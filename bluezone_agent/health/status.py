"""Everything that `status` says of one agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.listening import Span, gaps
from bluezone_agent.core.pauses import Pause
from bluezone_agent.core.sightings import ContactHour
from bluezone_agent.core.source_records import SourceRecord
from bluezone_agent.health.broadcast_proof import Proof, read_proof
from bluezone_agent.health.health import (
    COMMIT_LATE_S,
    DISCARDED,
    RADIO,
    Activity,
    Age,
    Problem,
    health,
    received_adverts,
    sign,
)
from bluezone_agent.stores.store import Store


@dataclass(frozen=True, slots=True)
class RadioState:
    """The radio as the agent last saw it."""

    description: str = ""
    works: bool = True
    since_s: int | None = None
    """Since when it works, or does not."""
    reason: str = ""
    """Why it does not: a RadioFault, and the fault's message as a template over ``fields``."""
    message: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    scan_mode: str = ""
    sessions: int = 0
    """How often it was opened since the start."""
    scan_restarts: int = 0
    power_cycles: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one agent. Times are Unix seconds, None for never."""

    running: bool
    radio: RadioState
    proof: Proof
    """Whether somebody else has heard what it broadcasts."""
    protocol: str
    started_at_s: int | None
    advertised_at_s: int | None
    rotations: int
    received_at_s: int | None
    received_adverts: int
    discarded_adverts: int
    committed_at_s: int | None
    checked_at_s: int | None
    check_complete: bool | None
    complete_check_at_s: int | None
    """The last check in which every source was complete."""
    sources: int
    """How many are configured, as the running agent knows."""
    source_records: tuple[SourceRecord, ...]
    """Those that were checked."""
    last_day: tuple[ContactHour, ...]
    listened_s: int
    """Of the last 24 hours."""
    not_listening: tuple[Span, ...]
    """When not, in the last 24 hours and since the first start, oldest first."""
    allow_linkable: tuple[str, ...]
    own_keys: int
    encrypted: bool
    """Whether a passphrase is needed to read them."""
    warnings: int
    ages: Mapping[Activity, Age]
    problems: tuple[Problem, ...]
    pause: Pause | None
    """What its owner has paused; None for nothing."""


def status(store: Store, now_s: float) -> Status:
    """Read the signs of life in ``store`` and judge them at ``now_s``."""
    signs = store.signs()
    judged = health(store, now_s)
    start, broadcast, received, commit, check = (
        sign(signs, name) for name in ("start", "broadcast", "heard", "commit", "check")
    )
    spans = store.listening.since(now_s - DAY_S)
    return Status(
        running=judged.running,
        radio=_radio_state(sign(signs, RADIO)[1]),
        proof=read_proof(signs),
        protocol=start[1].get("protocol", ""),
        started_at_s=start[0],
        advertised_at_s=broadcast[0],
        rotations=broadcast[1].get("rotations", 0),
        received_at_s=received[0],
        received_adverts=received_adverts(signs),
        discarded_adverts=sum(received[1].get(kind, 0) for kind in DISCARDED),
        committed_at_s=commit[0],
        checked_at_s=check[0],
        check_complete=check[1].get("complete"),
        complete_check_at_s=sign(signs, "complete_check")[0],
        sources=start[1].get("sources", 0),
        source_records=tuple(store.sources.all()),
        last_day=tuple(store.contacts.hours(now_s - DAY_S)),
        listened_s=sum(s.ends_at_s - s.starts_at_s for s in spans if s.listened),
        not_listening=tuple(gaps(spans, spans[0].starts_at_s, now_s - COMMIT_LATE_S)) if spans else (),
        allow_linkable=tuple(start[1].get("allow_linkable", ())),
        own_keys=len(store.keys.listed()),
        encrypted=store.keys.encrypted,
        warnings=len(store.exposures.warned()),
        ages=judged.ages,
        problems=judged.problems,
        pause=judged.pause,
    )


def _radio_state(detail: Mapping[str, Any]) -> RadioState:
    """Return what is known of the radio; another version may have said more of it, or the entry is damaged."""
    known = {f.name for f in fields(RadioState)}
    state = RadioState(**{name: value for name, value in detail.items() if name in known})
    try:
        state.message.format(**state.fields)
    except (LookupError, ValueError, TypeError, AttributeError):
        return replace(state, message="{reason}", fields={"reason": str(state.message)})
    return state
