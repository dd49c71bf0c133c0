"""Whether the agent works: what it sends, receives, stores and checks.

This module imports nothing heavy, so that it answers quickly on the smallest device.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Self

from bluezone_agent.app.agent_state import read_health, read_metrics, read_status
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.exposure_answer import ExposureList
from bluezone_agent.app.listening import Gap
from bluezone_agent.app.own_cost import OwnCost
from bluezone_agent.app.result import Result, utc
from bluezone_agent.app.shown_pause import ShownPause
from bluezone_agent.app.source_state import SourceState
from bluezone_agent.core.journal import RadioState
from bluezone_agent.health.health import OWNER_ONLY, Activity, AgentVerdict, Caution, Problem
from bluezone_agent.health.status import Status
from bluezone_agent.stores.store import Store

__all__ = ["AgentStatus", "AgentVerdict", "Caution", "Problem", "RadioStatus", "prometheus", "status"]


class ActivityAge(Result, frozen=True, kw_only=True):
    """When something was last done, and the longest acceptable age."""

    since: datetime | None
    """When it was last done, or when the agent started if that is later; None for never and for unknown."""
    limit_s: float | None
    """A higher age is a fault; None if any age is acceptable."""


class RadioStatus(Result, frozen=True, kw_only=True):
    """The radio as the agent last saw it."""

    description: str
    works: bool
    since: datetime | None
    """Since when it has been in this state."""
    fault: str | None
    """Why it does not work: a RadioFault."""
    message: str
    """The same for a person, in English: a template over ``fields``."""
    fields: dict[str, str]
    scan_mode: str
    opened: int
    """Number of times it was opened since the start."""
    scan_restarts: int
    power_cycles: int

    @classmethod
    def of(cls, radio: RadioState) -> Self:
        """Return the answer for ``radio``."""
        return cls(
            description=radio.description,
            works=radio.works,
            since=utc(radio.since_s),
            fault=radio.reason or None,
            message=radio.message,
            fields=dict(radio.fields),
            scan_mode=radio.scan_mode,
            opened=radio.sessions,
            scan_restarts=radio.scan_restarts,
            power_cycles=radio.power_cycles,
        )


class ProofStatus(Result, frozen=True, kw_only=True):
    """Whether another receiver has received this device's advertisements."""

    provable: bool
    """Whether another adapter of this device scans."""
    at: datetime | None
    by: str | None
    rssi_dbm: int | None


class LastDay(Result, frozen=True, kw_only=True):
    """The last 24 hours."""

    identifier_minutes: int
    """Minutes summed over identifiers."""
    minutes_with_contact: int
    listened_s: int
    not_listening: tuple[Gap, ...]


class AgentStatus(Result, frozen=True, kw_only=True):
    """The state of one agent. Times are None for never."""

    healthy: bool
    """Whether nothing is wrong; a caution is not."""
    verdict: AgentVerdict
    problems: tuple[Problem, ...]
    cautions: tuple[Caution, ...]
    ages: dict[Activity, ActivityAge]
    running: bool
    radio: RadioStatus
    proof: ProofStatus
    allow_linkable: tuple[str, ...]
    protocol: str
    started_at: datetime | None
    advertised_at: datetime | None
    rotations: int
    received_at: datetime | None
    received_adverts: int
    discarded_adverts: int
    received_share: float | None
    """Estimated share (0 to 1) of the packets that nearby devices send; None if none was near in the last 24 hours."""
    cost: OwnCost | None
    """None while it does not run, and in its first 10 minutes."""
    committed_at: datetime | None
    checked_at: datetime | None
    check_complete: bool | None
    complete_check_at: datetime | None
    """The last check in which every source was complete."""
    configured_sources: int
    sources: tuple[SourceState, ...]
    """Those that were checked."""
    last_24_hours: LastDay
    pause: ShownPause | None
    own_keys: int
    own_keys_encrypted: bool
    exposures: ExposureList | None
    """Only for the owner: None unless requested."""


def status(device: Device, *, private: bool) -> AgentStatus:
    """Return the current state of the agent of ``device``, if ``private`` with exposures. Raises ConfigError."""
    config = configuration(device)
    with Store(device.state_dir) as store:
        state = read_status(store, time.time())
        if not private:
            return _shown(state, None)
        from bluezone_agent.app.exposures import exposures_in  # noqa: PLC0415 - the rules: only its owner pays for them

        return _shown(state, exposures_in(store, config))


def prometheus(device: Device) -> tuple[str, bool]:
    """Return ages and counts in the Prometheus text format, and whether the agent is healthy."""
    now_s = time.time()
    with Store(device.state_dir) as store:
        return read_metrics(store, now_s), not set(read_health(store, now_s).problems) - OWNER_ONLY


def _shown(state: Status, found: ExposureList | None) -> AgentStatus:
    return AgentStatus(
        healthy=not state.problems,
        verdict=state.verdict,
        cautions=state.cautions,
        problems=state.problems,
        ages={
            activity: ActivityAge(since=utc(age.since_s), limit_s=age.limit_s) for activity, age in state.ages.items()
        },
        running=state.running,
        radio=RadioStatus.of(state.radio),
        proof=ProofStatus(
            provable=state.proof.provable,
            at=utc(state.proof.at_s),
            by=state.proof.by or None,
            rssi_dbm=state.proof.rssi_dbm,
        ),
        allow_linkable=state.allow_linkable,
        protocol=state.protocol,
        started_at=utc(state.started_at_s),
        advertised_at=utc(state.advertised_at_s),
        rotations=state.rotations,
        received_at=utc(state.received_at_s),
        received_adverts=state.received_adverts,
        discarded_adverts=state.discarded_adverts,
        received_share=state.reception.share if state.reception else None,
        cost=None if state.cost is None else OwnCost.of(state.cost),
        committed_at=utc(state.committed_at_s),
        checked_at=utc(state.checked_at_s),
        check_complete=state.check_complete,
        complete_check_at=utc(state.complete_check_at_s),
        configured_sources=state.sources,
        sources=tuple(map(SourceState.of, state.source_records)),
        last_24_hours=LastDay(
            identifier_minutes=sum(h.identifier_minutes for h in state.last_day),
            minutes_with_contact=sum(h.minutes for h in state.last_day),
            listened_s=state.listened_s,
            not_listening=tuple(map(Gap.of, state.not_listening)),
        ),
        pause=None if state.pause is None else ShownPause.of(state.pause),
        own_keys=state.own_keys,
        own_keys_encrypted=state.encrypted,
        exposures=found,
    )
