"""Health as ages: how long ago each part of the agent last made progress, and how long is too long.

These are functions of a journal, so ``status`` answers quickly on the smallest device, and the daemon can check itself
every minute.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
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
    Refused,
    Silenced,
    Started,
)
from bluezone_agent.core.pauses import Mode, Pause
from bluezone_agent.errors import RadioFault
from bluezone_agent.health.broadcast_proof import PROOF_LATE_S, read_proof

ROTATION_LATE_S: Final = 120
"""A rotation pauses up to 2 s and calls the Bluetooth service a few times; one that is two minutes late is stuck."""
COMMIT_LATE_S: Final = 180
"""Minutes are committed a minute after the one before: two in a row were missed."""
CHECK_LATE_S: Final = 30 * 3600
"""Checks are hours apart and a night offline is no fault; more than a day and a quarter without a check is one."""
VERIFIED_FOR_S: Final = 24 * 3600
"""How long a peer report counts as proof of transmission."""
DEAF_S: Final = 30 * 60
"""A radio recovery, a reboot or an upgrade takes minutes; after half an hour someone has to act."""


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
    NOTICE_UNDELIVERED = "notice_undelivered"
    """Shown only to the owner: the notice may be a warning."""
    SIGHTINGS_DROPPED = "sightings_dropped"
    """There was no room for some sightings in the last 24 hours."""
    KEYS_LEFT_OUT = "keys_left_out"


FATAL: Final = frozenset({Problem.NOT_RUNNING, Problem.NO_RADIO, Problem.NOT_STORING, Problem.NOT_CHECKING})
"""Problems with which nothing is received, or nobody is ever warned."""
OWNER_ONLY: Final = frozenset({Problem.NOTICE_UNDELIVERED})
"""Problems that metrics and status lines leave out."""


class Caution(StrEnum):
    """Conditions that are intended but do less than the owner may expect."""

    PAUSED = "paused"
    PROTECTED = "protected"
    """Received minutes are not scored."""
    NO_SOURCE = "no_source"
    SILENCED = "silenced"
    """The radio failed until the daily keys were used up: it advertises again in the next slot."""
    NOT_VERIFIED = "not_verified"
    """No other receiver has received its advertisements recently."""
    LINKABLE = "linkable"
    """Its owner accepts something that links its identifiers."""


class AgentVerdict(StrEnum):
    """How well it works, in a word."""

    WORKS = "works"
    WORKS_BUT = "works_but"
    DOES_NOT_WORK = "does_not_work"


class Activity(StrEnum):
    """Recurring activities of a healthy agent."""

    LISTEN = "listen"
    RECEIVE = "receive"
    BROADCAST = "broadcast"
    PROVE = "prove"
    """Another adapter or a peer receives our advertisements."""
    COMMIT = "commit"
    CHECK = "check"
    """A check in which every source was complete."""


class AgentState(msgspec.Struct, frozen=True):
    """What is known about an agent apart from its journal."""

    running: bool
    listened_until_s: int | None = None
    """When the device last scanned or was paused, Unix seconds; None for never."""
    quarantined: bool = False
    """Whether a damaged store lies in quarantine."""
    pause: Pause | None = None
    """What its owner has paused; None for nothing."""
    undelivered: int = 0
    """Number of notices whose delivery has failed so far."""
    keys_left_out: bool = False
    """Whether an accepted file has keys that start after its own date of publication."""


class Age(msgspec.Struct, frozen=True):
    """How long ago one activity was last done."""

    age_s: float | None
    """Seconds since then, or since the agent's start if that is later; infinite if unknown, None for neither."""
    since_s: int | None
    """When that was, Unix seconds; None if unknown."""
    limit_s: float | None
    """A higher age is a fault; None if any age is acceptable."""

    @classmethod
    def at(cls, now_s: float, *times_s: int | None, limit_s: float | None = None) -> Age:
        """Return the age at ``now_s`` of the latest of these times."""
        age = age_s(now_s, *times_s)
        return cls(age, None if age is None or math.isinf(age) else round(now_s - age), limit_s)

    @property
    def late(self) -> bool:
        """Whether it is older than the limit; an activity that never began is not late."""
        return self.age_s is not None and self.limit_s is not None and self.age_s > self.limit_s


class Health(msgspec.Struct, frozen=True):
    """How well one agent works."""

    running: bool
    ages: Mapping[Activity, Age]
    problems: tuple[Problem, ...]
    pause: Pause | None = None
    """The pause that the owner requested."""
    cautions: tuple[Caution, ...] = ()

    @property
    def verdict(self) -> AgentVerdict:
        """How well it works, in a word."""
        if FATAL.intersection(self.problems):
            return AgentVerdict.DOES_NOT_WORK
        return AgentVerdict.WORKS_BUT if self.problems or self.cautions else AgentVerdict.WORKS


def health(journal: Journal, agent: AgentState, now_s: float) -> Health:
    """Judge an agent at ``now_s``."""
    ages = _ages(journal, agent, now_s)
    return Health(
        agent.running,
        ages,
        tuple(_problems(journal, agent, ages, now_s)),
        agent.pause,
        tuple(_cautions(journal, agent, now_s)),
    )


def is_paused(journal: Journal) -> bool:
    """Return whether the agent has closed its radio because its owner asked it to."""
    radio = journal.get(RadioState)
    return radio is not None and radio.reason == RadioFault.PAUSED


def is_silenced(journal: Journal, now_s: float) -> bool:
    """Return whether nothing is advertised for the rest of this slot, because the daily keys are used up."""
    silenced, broadcasting = journal.get(Silenced), journal.get(Broadcasting)
    if silenced is None or not silenced.at_s <= now_s < silenced.until_s:
        return False
    return broadcasting is None or broadcasting.at_s <= silenced.at_s


def _ages(journal: Journal, agent: AgentState, now_s: float) -> dict[Activity, Age]:
    started, broadcasting, checked = journal.get(Started), journal.get(Broadcasting), journal.get(Checked)
    received, committed, proof = journal.get(Received), journal.get(Committed), read_proof(journal)
    started_s = started.at_s if started else None
    paused = is_paused(journal)
    slot_s = broadcasting.until_s - broadcasting.at_s if broadcasting else 0
    broadcast_s = broadcasting.at_s if broadcasting else started_s
    checked_s = checked.complete_at_s if checked else None
    listened_s = agent.listened_until_s
    return {
        Activity.LISTEN: Age.at(now_s, *(() if listened_s is None else (listened_s, started_s)), limit_s=DEAF_S),
        Activity.RECEIVE: Age.at(now_s, received.at_s if received else None),
        Activity.BROADCAST: Age.at(now_s, broadcast_s, limit_s=None if paused else slot_s + ROTATION_LATE_S),
        Activity.PROVE: (
            Age.at(now_s, proof.at_s, started_s, limit_s=PROOF_LATE_S)
            if proof.provable and not paused
            else Age.at(now_s, proof.at_s)
        ),
        Activity.COMMIT: Age.at(now_s, committed.at_s if committed else None, started_s, limit_s=COMMIT_LATE_S),
        Activity.CHECK: (
            # a restart does not excuse a source that always fails
            Age.at(now_s, started_s if checked_s is None else checked_s, limit_s=CHECK_LATE_S)
            if started and started.sources
            else Age.at(now_s, checked_s)
        ),
    }


def _cautions(journal: Journal, agent: AgentState, now_s: float) -> Iterator[Caution]:
    started, proof = journal.get(Started), read_proof(journal)
    if agent.pause:
        yield Caution.PAUSED if agent.pause.mode is Mode.PAUSED else Caution.PROTECTED
    if not agent.running or started is None:
        return
    if not started.sources:
        yield Caution.NO_SOURCE
    if is_silenced(journal, now_s):
        yield Caution.SILENCED
    age = age_s(now_s, proof.at_s)
    if not proof.provable and (age is None or age > VERIFIED_FOR_S):
        yield Caution.NOT_VERIFIED
    if started.allow_linkable:
        yield Caution.LINKABLE


def _problems(journal: Journal, agent: AgentState, ages: Mapping[Activity, Age], now_s: float) -> Iterator[Problem]:
    if not agent.running:
        yield Problem.NOT_RUNNING
    else:
        if not is_paused(journal):
            yield from _radio_problems(journal, ages, now_s)
        if ages[Activity.COMMIT].late:
            yield Problem.NOT_STORING
        committed = journal.get(Committed)
        if committed and not committed.clock_trusted:
            yield Problem.CLOCK_NOT_TRUSTED
        received = journal.get(Received)
        dropped = age_s(now_s, received.dropped_at_s) if received else None
        if dropped is not None and dropped <= DAY_S:
            yield Problem.SIGHTINGS_DROPPED
    if ages[Activity.CHECK].late:
        yield Problem.NOT_CHECKING
    if agent.quarantined:
        yield Problem.STORE_QUARANTINED
    if agent.undelivered:
        yield Problem.NOTICE_UNDELIVERED
    if agent.keys_left_out:
        yield Problem.KEYS_LEFT_OUT


def _radio_problems(journal: Journal, ages: Mapping[Activity, Age], now_s: float) -> Iterator[Problem]:
    """Yield only the most relevant problem: without a radio nothing is broadcast either."""
    radio, refused = journal.get(RadioState), journal.get(Refused)
    if radio and not radio.works:
        yield Problem.NO_RADIO
    elif refused and refused.reason:
        yield Problem.SCAN_ONLY
    elif ages[Activity.BROADCAST].late and not is_silenced(journal, now_s):
        yield Problem.NOT_BROADCASTING
    elif ages[Activity.PROVE].late:
        yield Problem.NOT_PROVED
