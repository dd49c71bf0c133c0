"""What the owner submitted last, as shown to people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.journal import Journal, KeysSubmitted
from bluezone_agent.i18n import local_time, ngettext


class ShownSubmission(Result, frozen=True, kw_only=True):
    """The keys that a key server accepted last."""

    at: datetime
    keys: int
    """How many were sent."""
    published: int
    """How many of them the server publishes."""
    begins_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, journal: Journal) -> Self | None:
        """Return the newest submission of the last 14 days; None if there is none."""
        found = journal.get(KeysSubmitted)
        if found is None:
            return None
        return cls(
            at=utc(found.at_s),
            keys=found.keys,
            published=found.published,
            begins_at=utc(found.begins_s),
            ends_at=utc(found.ends_s),
        )


def submitted_text(done: ShownSubmission) -> str:
    """Return it in a sentence."""
    return ngettext(
        "Submitted at {at}: {n} key, from {start} to {end}; {published} published",
        "Submitted at {at}: {n} keys, from {start} to {end}; {published} published",
        done.keys,
    ).format(
        at=local_time(done.at),
        n=done.keys,
        start=local_time(done.begins_at),
        end=local_time(done.ends_at),
        published=done.published,
    )
