"""The state of an agent, read from its store: what `status`, the doctor and the agent itself judge."""

from __future__ import annotations

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.health import outage_notices, status
from bluezone_agent.health.health import AgentState, Health, health
from bluezone_agent.health.outage_notices import Change
from bluezone_agent.health.status import Contents, Status
from bluezone_agent.stores.file.quarantine import quarantined_stores
from bluezone_agent.stores.store import Store, agent_runs


def agent_state(store: Store, now_s: float) -> AgentState:
    """Return what is known about the agent on ``store`` apart from its journal."""
    return AgentState(
        agent_runs(store.state_dir),
        store.listening.last_well_s(),
        bool(quarantined_stores(store.state_dir)),
        store.pauses.shown(now_s),
        undelivered=sum(bool(queued.attempts) for queued in store.notices.waiting(now_s)),
        keys_left_out=store.sources.leaves_out_later_keys(),
    )


def read_health(store: Store, now_s: float) -> Health:
    """Judge the agent on ``store``."""
    return health(store.journal.read(), agent_state(store, now_s), now_s)


def read_status(store: Store, now_s: float) -> Status:
    """Return everything that `status` says of the agent on ``store``."""
    stored = Contents(
        spans=store.listening.since(now_s - DAY_S),
        hours=store.contacts.hours(now_s - DAY_S),
        sources=store.sources.all(),
        own_keys=len(store.keys.listed()),
        encrypted=store.keys.encrypted,
    )
    return status.status(store.journal.read(), agent_state(store, now_s), stored, now_s)


def read_metrics(store: Store, now_s: float) -> str:
    """Return the metrics of the agent on ``store``, for Prometheus."""
    from bluezone_agent.health.prometheus import exposition  # noqa: PLC0415 - a library that who asks for them pays

    return exposition(store.journal.read(), agent_state(store, now_s), now_s)


def pending_notices(store: Store, now_s: float) -> list[Change]:
    """Return what has stopped or resumed and was not yet reported to the owner."""
    return outage_notices.pending(store.journal.read(), agent_state(store, now_s), now_s)
