"""Health as ages: how long ago each part of the agent last made progress, and how long is too long.

Imports nothing heavy: ``status`` answers at once on the smallest device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.service.proof import Proof, read_proof
from bluezone_agent.stores.contacts import ContactHour
from bluezone_agent.stores.listening import Span, gaps
from bluezone_agent.stores.sources import SourceRecord
from bluezone_agent.stores.store import Store, agent_runs

RADIO: Final = "radio"
"""Name of the sign of life that tells the radio's state."""
ROTATION_LATE_S: Final = 120
"""A rotation pauses up to 2 s and calls the Bluetooth service a few times; two minutes late is stuck."""
COMMIT_LATE_S: Final = 180
"""Minutes are committed a minute after the one before: two in a row were missed."""
CHECK_LATE_S: Final = 30 * 3600
"""Checks are hours apart and a night offline is no fault; more than a day and a quarter is."""


class Problem(StrEnum):
    """What is wrong, for scripts; people get a sentence."""

    NOT_RUNNING = "not_running"
    NO_RADIO = "no_radio"
    SCAN_ONLY = "scan_only"
    NOT_BROADCASTING = "not_broadcasting"
    NOT_PROVED = "not_proved"
    NOT_STORING = "not_storing"
    NOT_CHECKING = "not_checking"
    CLOCK_NOT_TRUSTED = "clock_not_trusted"


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
    broadcast_at_s: int | None
    rotations: int
    heard_at_s: int | None
    heard_adverts: int
    discarded_adverts: int
    committed_at_s: int | None
    checked_at_s: int | None
    check_complete: bool | None
    complete_check_at_s: int | None
    """The last check in which every source was complete."""
    sources: int
    """How many are configured, as the running agent knows."""
    feeds: tuple[SourceRecord, ...]
    """Those that were checked."""
    last_day: tuple[ContactHour, ...]
    listened_s: int
    """Of the last 24 hours."""
    not_listening: tuple[Span, ...]
    """When not, in the last 24 hours and since the first start, oldest first."""
    linkable_anyway: tuple[str, ...]
    own_keys: int
    warnings: int
    problems: tuple[Problem, ...]


Sign = tuple[int | None, dict[str, Any]]


def status(store: Store, now_s: float) -> Status:
    """Read the signs of life in ``store`` and judge them at ``now_s``."""
    signs = store.signs()
    running = agent_runs(store.state_dir)
    start, broadcast, heard, commit, check = (
        _sign(signs, name) for name in ("start", "broadcast", "heard", "commit", "check")
    )
    spans = store.listening.since(now_s - DAY_S)
    discarded = sum(heard[1].get(kind, 0) for kind in ("malformed", "foreign", "without_rssi", "repeated"))
    return Status(
        running=running,
        radio=RadioState(**_sign(signs, RADIO)[1]),
        proof=read_proof(signs),
        protocol=start[1].get("protocol", ""),
        started_at_s=start[0],
        broadcast_at_s=broadcast[0],
        rotations=broadcast[1].get("rotations", 0),
        heard_at_s=heard[0],
        heard_adverts=sum(heard[1].values()) - discarded,
        discarded_adverts=discarded,
        committed_at_s=commit[0],
        checked_at_s=check[0],
        check_complete=check[1].get("complete"),
        complete_check_at_s=_sign(signs, "complete_check")[0],
        sources=start[1].get("sources", 0),
        feeds=tuple(store.sources.all()),
        last_day=tuple(store.contacts.hours(now_s - DAY_S)),
        listened_s=sum(s.ends_at_s - s.starts_at_s for s in spans if s.listened),
        not_listening=tuple(gaps(spans, spans[0].starts_at_s, now_s - COMMIT_LATE_S)) if spans else (),
        linkable_anyway=tuple(start[1].get("linkable_anyway", ())),
        own_keys=len(store.keys.all()),
        warnings=len(store.exposures.warned()),
        problems=tuple(_problems(signs, now_s, running=running)),
    )


def _sign(signs: dict[str, tuple[int, dict[str, Any]]], name: str) -> Sign:
    return signs.get(name, (None, {}))


def _problems(signs: dict[str, tuple[int, dict[str, Any]]], now_s: float, *, running: bool) -> Iterator[Problem]:
    started_at_s, start = _sign(signs, "start")
    began_s = started_at_s or 0
    if not running:
        yield Problem.NOT_RUNNING
    else:
        yield from _radio_problems(signs, began_s, now_s)
        if now_s > max(began_s, _sign(signs, "commit")[0] or 0) + COMMIT_LATE_S:
            yield Problem.NOT_STORING
        if not start.get("clock_trusted", True):
            yield Problem.CLOCK_NOT_TRUSTED
    # a restart does not excuse a source that always fails
    if start.get("sources", 0) and now_s > (_sign(signs, "complete_check")[0] or began_s) + CHECK_LATE_S:
        yield Problem.NOT_CHECKING


def _radio_problems(signs: dict[str, tuple[int, dict[str, Any]]], began_s: int, now_s: float) -> Iterator[Problem]:
    """Yield the one line that says most: without a radio nothing is broadcast either."""
    sent_until_s = _sign(signs, "broadcast")[1].get("until_s", began_s)
    if not _sign(signs, RADIO)[1].get("works", True):
        yield Problem.NO_RADIO
    elif _sign(signs, "refused")[1].get("until_s", 0) > max(sent_until_s, began_s):
        yield Problem.SCAN_ONLY
    elif now_s > sent_until_s + ROTATION_LATE_S:
        yield Problem.NOT_BROADCASTING
    elif read_proof(signs).overdue(began_s, now_s):
        yield Problem.NOT_PROVED
