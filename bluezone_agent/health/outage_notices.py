"""The dead man's switch: the owner is told when listening or checks have stopped, and when they go on.

Whoever is alive says it: the agent looks every few minutes, and so does every scheduled check, because an agent that
is dead can't. What the owner was told last is kept in the store, so that each change is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bluezone_agent.health.health import Activity, health, sign
from bluezone_agent.stores.store import Store

TOLD: Final = "told"
"""Name of the sign of life whose detail is what the owner knows to have stopped, each since when."""
WATCHED: Final = (Activity.LISTEN, Activity.CHECK)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that stopped, or goes on again, of which the owner was not told."""

    what: Activity
    since_s: int
    """When it was done last before it stopped, Unix seconds."""
    goes_on: bool


def pending(store: Store, now_s: float) -> list[Change]:
    """Return what has changed since the owner was told last."""
    told = sign(store.signs(), TOLD)[1]
    ages = health(store, now_s).ages
    changes = []
    for what in WATCHED:
        age = ages[what]
        if age.since_s is not None and age.late(now_s) and what not in told:
            changes.append(Change(what, age.since_s, goes_on=False))
        elif not age.late(now_s) and what in told:
            changes.append(Change(what, told[what], goes_on=True))
    return changes


def mark_notified(store: Store, changes: Sequence[Change], now_s: float) -> None:
    """Write down that the owner was told of ``changes``."""
    with store.transaction():
        told = sign(store.signs(), TOLD)[1]
        for change in changes:
            if change.goes_on:
                told.pop(change.what, None)
            else:
                told[change.what] = change.since_s
        store.mark(TOLD, now_s, **told)
