"""Whether the owner was exposed, as shown to people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from bluezone_agent.app.diary_entry import DiaryEntry
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.result import Result, utc
from bluezone_agent.config import Authority
from bluezone_agent.health.knowledge import Answer, Knowledge, Unknown

__all__ = ["Answer", "AuthorityContact", "ExposureAnswer", "ExposureList", "Unknown"]


class ExposureAnswer(Result, frozen=True, kw_only=True):
    """Whether the owner was exposed, and for which period this is known."""

    answer: Answer
    reasons: tuple[Unknown, ...]
    """Why it is not known; empty where it is."""
    since: datetime | None
    """Start of scanning within the last 14 days; None for never."""
    complete_check_at: datetime | None
    """The last check in which every source was complete. Nothing is known about the time after it."""
    listened_share: float
    """Share of the time between the two in which the device scanned."""

    @classmethod
    def of(cls, known: Knowledge) -> Self:
        """Return the answer for ``known``."""
        return cls(
            answer=known.answer,
            reasons=known.reasons,
            since=utc(known.since_s),
            complete_check_at=utc(known.complete_check_at_s),
            listened_share=round(known.listened_share, 3),
        )


class AuthorityContact(Result, frozen=True, kw_only=True):
    """The configured contact of the health authority."""

    name: str
    telephone: str
    text: str

    @classmethod
    def of(cls, authority: Authority) -> Self:
        """Return the answer for ``authority``."""
        return cls(name=authority.name, telephone=authority.telephone, text=authority.text)


class ExposureList(Result, frozen=True, kw_only=True):
    """The answer, and every day with an exposure under the rule in force."""

    result: ExposureAnswer
    authority: AuthorityContact | None
    rule: str
    rule_summary: str
    """One sentence in English."""
    days: tuple[ExposureDay, ...]
    diary: tuple[DiaryEntry, ...]
    """The owner's notes about these days."""
