"""A line of the owner's diary, as shown to people and programs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from bluezone_agent.app.result import Result, utc
from bluezone_agent.stores.diary import StoredEntry


class DiaryEntry(Result, frozen=True, kw_only=True):
    """A line that the owner wrote about a day."""

    number: int
    """For `diary delete`."""
    day: date
    """The local day that it is about."""
    written_at: datetime
    text: str

    @classmethod
    def of(cls, entry: StoredEntry) -> Self:
        """Return the answer for ``entry``."""
        return cls(number=entry.entry_id, day=entry.day, written_at=utc(entry.written_at_s), text=entry.text)
