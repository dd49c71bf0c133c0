"""The conclusion about exposures: detected, not detected in the observed time, or not known, and why.

"None detected" applies only to time in which the device scanned and which a complete check covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from bluezone_agent.core.ages import age_s, is_known
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.journal import Checked, Journal
from bluezone_agent.core.listening import Span, within
from bluezone_agent.health.health import CHECK_LATE_S


class Answer(StrEnum):
    """Whether its owner was exposed."""

    EXPOSED = "exposed"
    NONE_DETECTED = "none_detected"
    NOT_KNOWN = "not_known"


class Unknown(StrEnum):
    """Why that is not known."""

    NO_SOURCE = "no_source"
    NEVER_CHECKED = "never_checked"
    """No check of every source was ever complete."""
    CHECK_TOO_OLD = "check_too_old"
    CLOCK_NOT_TRUSTED = "clock_not_trusted"
    NOT_LISTENED = "not_listened"
    """The device did not scan at all in the time that the checks cover."""


class Knowledge(msgspec.Struct, frozen=True):
    """The answer, and the period for which it is known."""

    answer: Answer
    reasons: tuple[Unknown, ...]
    """Why it is not known; empty where it is."""
    since_s: int | None
    """Start of scanning within the last 14 days, Unix seconds; None for never."""
    complete_check_at_s: int | None
    """The last check in which every source was complete: nothing is known about the time after it."""
    listened_share: float
    """Share of the time between the two in which the device scanned."""


def knowledge(
    journal: Journal, spans: Sequence[Span], *, exposed: bool, sources: int, clock_trusted: bool, now_s: float
) -> Knowledge:
    """Judge what is known at ``now_s``; ``spans`` cover the last 14 days, ``sources`` is the number configured.

    ``exposed``: a warning is due or was given for one of the last 14 days.
    """
    checked = journal.get(Checked)
    complete_s = checked.complete_at_s if checked else None
    known_s = complete_s if is_known(now_s, complete_s) else None
    began = [s.starts_at_s for s in spans if s.listened]
    since_s = max(min(began), int(now_s) - RETENTION_DAYS * DAY_S) if began else None
    listened_s = possible_s = 0
    if since_s is not None and known_s is not None:
        possible_s = max(0, known_s - since_s)
        listened_s = sum(s.ends_at_s - s.starts_at_s for s in within(spans, since_s, known_s) if s.listened)
    late = (age_s(now_s, complete_s) or 0) > CHECK_LATE_S
    found = {
        Unknown.NO_SOURCE: not sources,
        Unknown.NEVER_CHECKED: bool(sources) and complete_s is None,
        Unknown.CHECK_TOO_OLD: bool(sources) and late,
        Unknown.CLOCK_NOT_TRUSTED: not clock_trusted,
        Unknown.NOT_LISTENED: complete_s is not None and not listened_s,
    }
    reasons = () if exposed else tuple(reason for reason, is_so in found.items() if is_so)
    answer = Answer.EXPOSED if exposed else Answer.NOT_KNOWN if reasons else Answer.NONE_DETECTED
    return Knowledge(answer, reasons, since_s, complete_s, listened_s / possible_s if possible_s else 0.0)
