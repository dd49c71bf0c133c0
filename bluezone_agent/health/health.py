"""Health as ages: how long ago each part of the agent last made progress, and how long is too long.

Reads the signs of life alone and imports nothing heavy: `status` answers at once on the smallest device, and the
daemon looks at itself every minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bluezone_agent.core.pauses import Pause
from bluezone_agent.errors import RadioFault
from bluezone_agent.health.broadcast_proof import PROOF_LATE_S, read_proof
from bluezone_agent.stores.file.quarantine import quarantined_stores
from bluezone_agent.stores.store import Store, agent_runs

RADIO: Final = "radio"
"""Name of the sign of life that tells the radio's state."""
ROTATION_LATE_S: Final = 120
"""A rotation pauses up to 2 s and calls the Bluetooth service a few times; two minutes late is stuck."""
COMMIT_LATE_S: Final = 180
"""Minutes are committed a minute after the one before: two in a row were missed."""
CHECK_LATE_S: Final = 30 * 3600
"""Checks are hours apart and a night offline is no fault; more than a day and a quarter is."""
DEAF_S: Final = 30 * 60
"""A radio that is mended, a reboot or an upgrade take minutes; after half an hour somebody has to look."""


DISCARDED: Final = ("malformed", "foreign", "without_rssi", "repeated", "dropped")
"""Adverts that are counted and not kept."""


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
    STORE_QUARANTINED = "store_quarantined"


class Activity(StrEnum):
    """What is done again and again while the agent is well."""

    LISTEN = "listen"
    RECEIVE = "hear"
    BROADCAST = "broadcast"
    PROVE = "prove"
    """Another adapter or a peer hears the own broadcast."""
    COMMIT = "commit"
    CHECK = "check"
    """A check in which every source was complete."""


@dataclass(frozen=True, slots=True)
class Age:
    """How old the newest sign of one thing is. Times are Unix seconds."""

    since_s: int | None
    """When it was done last, or when the agent started if that is later; None for never and no start."""
    limit_s: float | None
    """Older than this is a fault; None where any age is well."""

    def late(self, now_s: float) -> bool:
        """Return whether it is older than it may be; what never began is not."""
        return self.since_s is not None and self.limit_s is not None and now_s > self.since_s + self.limit_s


@dataclass(frozen=True, slots=True)
class Health:
    """Whether one agent lives, and how well."""

    running: bool
    ages: Mapping[Activity, Age]
    problems: tuple[Problem, ...]
    pause: Pause | None = None
    """What its owner asked for, and until when."""


Signs = dict[str, tuple[int, dict[str, Any]]]


def health(store: Store, now_s: float) -> Health:
    """Judge the signs of life in ``store`` at ``now_s``."""
    signs = store.signs()
    running = agent_runs(store.state_dir)
    ages = _ages(signs, store.listening.last_well_s())
    problems = _problems(signs, ages, now_s, running=running, damaged=bool(quarantined_stores(store.state_dir)))
    return Health(running, ages, tuple(problems), store.pauses.shown(now_s))


def sign(signs: Signs, name: str) -> tuple[int | None, dict[str, Any]]:
    """Return when a sign of life was made and its detail, (None, {}) for never."""
    return signs.get(name, (None, {}))


def is_paused(signs: Signs) -> bool:
    """Return whether the agent has closed its radio because its owner asked it to."""
    return bool(sign(signs, RADIO)[1].get("reason") == RadioFault.PAUSED)


def received_adverts(signs: Signs) -> int:
    """Return how many adverts of others were heard, and kept, since the agent started."""
    return sum(count for kind, count in sign(signs, "heard")[1].items() if kind not in DISCARDED)


def _ages(signs: Signs, well_s: int | None) -> dict[Activity, Age]:
    began_s, start = sign(signs, "start")
    broadcast_s, broadcast = sign(signs, "broadcast")
    proof = read_proof(signs)
    slot_s = broadcast.get("until_s", 0) - (broadcast_s or 0)
    checked_s = sign(signs, "complete_check")[0]
    sources = start.get("sources", 0)
    paused = is_paused(signs)
    return {
        Activity.LISTEN: Age(well_s and _later(well_s, began_s), DEAF_S),
        Activity.RECEIVE: Age(sign(signs, "heard")[0], None),
        Activity.BROADCAST: Age(broadcast_s or began_s, None if paused else slot_s + ROTATION_LATE_S),
        Activity.PROVE: (
            Age(_later(proof.at_s, began_s), PROOF_LATE_S) if proof.provable and not paused else Age(proof.at_s, None)
        ),
        Activity.COMMIT: Age(_later(sign(signs, "commit")[0], began_s), COMMIT_LATE_S),
        # a restart does not excuse a source that always fails
        Activity.CHECK: Age(checked_s or began_s, CHECK_LATE_S) if sources else Age(checked_s, None),
    }


def _later(a_s: int | None, b_s: int | None) -> int | None:
    return max((at_s for at_s in (a_s, b_s) if at_s is not None), default=None)


def _problems(
    signs: Signs, ages: Mapping[Activity, Age], now_s: float, *, running: bool, damaged: bool
) -> Iterator[Problem]:
    if not running:
        yield Problem.NOT_RUNNING
    else:
        yield from _radio_problems(signs, ages, now_s)
        if ages[Activity.COMMIT].late(now_s):
            yield Problem.NOT_STORING
        if not sign(signs, "commit")[1].get("clock_trusted", True):
            yield Problem.CLOCK_NOT_TRUSTED
    if ages[Activity.CHECK].late(now_s):
        yield Problem.NOT_CHECKING
    if damaged:
        yield Problem.STORE_QUARANTINED


def _radio_problems(signs: Signs, ages: Mapping[Activity, Age], now_s: float) -> Iterator[Problem]:
    """Yield the one line that says most: without a radio nothing is broadcast either."""
    if is_paused(signs):
        return
    began_s = sign(signs, "start")[0] or 0
    sent_until_s = sign(signs, "broadcast")[1].get("until_s", began_s)
    if not sign(signs, RADIO)[1].get("works", True):
        yield Problem.NO_RADIO
    elif sign(signs, "refused")[1].get("until_s", 0) > max(sent_until_s, began_s):
        yield Problem.SCAN_ONLY
    elif ages[Activity.BROADCAST].late(now_s):
        yield Problem.NOT_BROADCASTING
    elif ages[Activity.PROVE].late(now_s):
        yield Problem.NOT_PROVED
