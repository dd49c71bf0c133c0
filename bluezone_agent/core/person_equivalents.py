"""How many people were near, from identifiers that change.

A device shows one identifier at a time and changes it every 10 or 15 minutes, so a day near one person brings about a
hundred identifiers. Nothing in them tells which belong together. What can be counted without linking them:

- *Person-minutes.* Identifiers that are received in one minute belong to different devices, except in the minute in
  which a device changes its identifier, when it shows two. So of the identifiers of a minute as many as possible are
  taken to be such pairs: one that ends in it and one that begins in it. What remains is one person each. The sum over
  the minutes is the time spent near people, each of them counted for every minute in which they were received.
- *Person-equivalents.* Person-minutes divided by 60: 1.0 is one person received for a whole hour, or two for half an
  hour. The sum over a day is in person-hours. n people who are received all the time make n in every hour.
- *At least.* The largest number of people in any one minute. The true number of all people is larger if others came
  after these had left.

All three are bounds from below: somebody who leaves in the very minute in which somebody else arrives is not counted in
that minute, and a minute in which a device was not received does not count. A person with two devices counts twice, one
without a device not at all, and a forged identifier as a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Self

import msgspec

from bluezone_agent.core.intervals import MINUTE_S

MINUTES_OF_AN_HOUR: Final = 3600 // MINUTE_S


class IdentifierCount(msgspec.Struct, frozen=True):
    """How many identifiers were received in one minute."""

    minute: int
    """Minutes since the Unix epoch."""
    received: int
    beginning: int
    """How many of them were received for the first time in it, and in a later minute, too."""
    ending: int
    """How many of them were received for the last time in it, and in an earlier minute, too."""

    once: int
    """How many of them were received in no other minute."""

    @property
    def persons(self) -> int:
        """How many people they were at least: as many as possible of them are pairs of one device, old and new."""
        pairs, others = min(self.beginning, self.ending), abs(self.beginning - self.ending)
        with_one = min(others, self.once)
        return self.received - pairs - with_one - (self.once - with_one) // 2


class PersonCount(msgspec.Struct, frozen=True):
    """How many people were received in some minutes."""

    minutes: int = 0
    """Minutes in which anybody was received."""
    person_minutes: int = 0
    at_least: int = 0
    """People who were received at the same time."""

    @classmethod
    def of(cls, counts: Iterable[IdentifierCount]) -> Self:
        """Return the result for the minutes in which anything was received, each of them once."""
        persons = [count.persons for count in counts]
        return cls(len(persons), sum(persons), max(persons, default=0))

    @property
    def person_equivalents(self) -> float:
        """Person-minutes in hours: 1.0 is one person for an hour."""
        return self.person_minutes / MINUTES_OF_AN_HOUR
