"""Whether its owner was exposed, as a person and a program are shown it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.result import Result, utc
from bluezone_agent.config import Authority
from bluezone_agent.health.knowledge import Answer, Knowledge, Unknown

__all__ = ["Answer", "AuthorityContact", "ExposureAnswer", "ExposureList", "Unknown"]


class ExposureAnswer(Result, frozen=True, kw_only=True):
    """Whether its owner was exposed, and of which time that is known."""

    answer: Answer
    reasons: tuple[Unknown, ...]
    """Why it is not known; empty where it is."""
    since: datetime | None
    """From when on the device has listened, of the last 14 days; None for never."""
    complete_check_at: datetime | None
    """The last check in which every source was complete. Of the time after it nothing is known."""
    listened_share: float
    """Of the time between the two."""

    @classmethod
    def of(cls, known: Knowledge) -> Self:
        """Return what is shown of ``known``."""
        return cls(
            answer=known.answer,
            reasons=known.reasons,
            since=utc(known.since_s),
            complete_check_at=utc(known.complete_check_at_s),
            listened_share=round(known.listened_share, 3),
        )


class AuthorityContact(Result, frozen=True, kw_only=True):
    """Whom an exposed person can ask, as configured."""

    name: str
    telephone: str
    text: str

    @classmethod
    def of(cls, authority: Authority) -> Self:
        """Return what is shown of ``authority``."""
        return cls(name=authority.name, telephone=authority.telephone, text=authority.text)


class ExposureList(Result, frozen=True, kw_only=True):
    """The answer, and every day with an exposure under the rule in force."""

    result: ExposureAnswer
    authority: AuthorityContact | None
    rule: str
    rule_summary: str
    """One English sentence."""
    days: tuple[ExposureDay, ...]
