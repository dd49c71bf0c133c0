"""Health as ages: how long ago each part of the agent last made progress, and how long is too long.

Imports nothing heavy: ``status`` answers at once on the smallest device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.stores.contacts import ContactHour
from bluezone_agent.stores.sources import SourceRecord
from bluezone_agent.stores.store import Store, agent_runs

ROTATION_LATE_S: Final = 120
"""A rotation pauses up to 2 s and calls the Bluetooth service a few times; two minutes late is stuck."""
COMMIT_LATE_S: Final = 180
"""Minutes are committed a minute after the one before: two in a row were missed."""
CHECK_LATE_S: Final = 30 * 3600
"""Checks are hours apart and a night offline is no fault; more than a day and a quarter is."""


class Problem(StrEnum):
    """What is wrong, for scripts; people get a sentence."""

    NOT_RUNNING = "not_running"
    NOT_BROADCASTING = "not_broadcasting"
    NOT_STORING = "not_storing"
    NOT_CHECKING = "not_checking"
    CLOCK_NOT_TRUSTED = "clock_not_trusted"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one agent. Times are Unix seconds, None for never."""

    running: bool
    radio: str
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
    discarded = sum(heard[1].get(kind, 0) for kind in ("malformed", "foreign", "without_rssi"))
    return Status(
        running=running,
        radio=start[1].get("radio", ""),
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
        if now_s > _sign(signs, "broadcast")[1].get("until_s", began_s) + ROTATION_LATE_S:
            yield Problem.NOT_BROADCASTING
        if now_s > max(began_s, _sign(signs, "commit")[0] or 0) + COMMIT_LATE_S:
            yield Problem.NOT_STORING
        if not start.get("clock_trusted", True):
            yield Problem.CLOCK_NOT_TRUSTED
    # a restart does not excuse a source that always fails
    if start.get("sources", 0) and now_s > (_sign(signs, "complete_check")[0] or began_s) + CHECK_LATE_S:
        yield Problem.NOT_CHECKING
