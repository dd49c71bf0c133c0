"""Which day a minute belongs to: the owner's local day, or the UTC day of a rule."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Final

from bluezone_agent.core.intervals import DAY_S

EPOCH: Final = date(1970, 1, 1)
MOST_OFFSET_S: Final = DAY_S - 1
"""Maximum seconds east or west of UTC; real zones stay within 14 hours."""


class Calendar:
    """Local days in the successive time zones of a device."""

    def __init__(
        self, changes: Iterable[tuple[int, int]] = (), fallback: Callable[[float], int] = lambda _unix_s: 0
    ) -> None:
        """``changes`` are (Unix seconds, seconds east of UTC from then on), oldest first.

        ``fallback`` returns the offset at a time before the first change: that of the device's present zone.
        """
        kept = [(at_s, offset_s) for at_s, offset_s in changes if abs(offset_s) <= MOST_OFFSET_S]
        self._starts = [at_s for at_s, _offset_s in kept]
        self._offsets = [offset_s for _at_s, offset_s in kept]
        self._fallback = fallback

    def offset_s(self, unix_s: float) -> int:
        """Return how far the owner's local time was ahead of UTC at ``unix_s``, seconds."""
        at = bisect_right(self._starts, unix_s)
        return self._offsets[at - 1] if at else self._fallback(unix_s)

    def day(self, unix_s: float) -> date:
        """Return the owner's date at ``unix_s``."""
        return EPOCH + timedelta(days=(unix_s + self.offset_s(unix_s)) // DAY_S)

    def starts_at_s(self, day: date) -> int:
        """Return when ``day`` began for the owner, Unix seconds."""
        utc_midnight_s = (day - EPOCH).days * DAY_S
        start_s = utc_midnight_s - self.offset_s(utc_midnight_s)
        return utc_midnight_s - self.offset_s(start_s)  # the zone may have changed between the two midnights

    def local(self, unix_s: float) -> datetime:
        """Return the owner's date and time of day at ``unix_s``."""
        return datetime.fromtimestamp(unix_s, timezone(timedelta(seconds=self.offset_s(unix_s))))


UTC_CALENDAR: Final = Calendar()
"""UTC days, over which published rules of Exposure Notification sum."""
