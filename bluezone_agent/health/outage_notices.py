"""Outage notices: the owner is notified when scanning or checks have stopped, and when they resume.

Both the agent, every few minutes, and each scheduled check look for changes, because a dead agent can't. The journal
stores what the owner was last notified of, so that each change is reported once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from bluezone_agent.core.journal import Journal, Notified
from bluezone_agent.health.health import Activity, AgentState, health

WATCHED: Final = (Activity.LISTEN, Activity.CHECK)


class Change(msgspec.Struct, frozen=True):
    """An activity that stopped or resumed, not yet reported to the owner."""

    what: Activity
    since_s: int | None
    """When it was last done before it stopped, Unix seconds; None if unknown."""
    resumed: bool


def pending(journal: Journal, agent: AgentState, now_s: float) -> list[Change]:
    """Return the changes since the owner was last notified."""
    stopped = _stopped(journal)
    ages = health(journal, agent, now_s).ages
    changes = []
    for what in WATCHED:
        age = ages[what]
        if age.late and what not in stopped:
            changes.append(Change(what, age.since_s, resumed=False))
        elif not age.late and what in stopped:
            changes.append(Change(what, stopped[what], resumed=True))
    return changes


def notified(journal: Journal, changes: Sequence[Change], now_s: float) -> Notified:
    """Return the record that says that the owner was notified of ``changes``."""
    stopped = _stopped(journal)
    for change in changes:
        if change.resumed:
            stopped.pop(change.what, None)
        else:
            stopped[change.what] = change.since_s
    return Notified(int(now_s), stopped)


def _stopped(journal: Journal) -> dict[str, int | None]:
    record = journal.get(Notified)
    return dict(record.stopped) if record else {}
