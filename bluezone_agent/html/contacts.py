"""The contact history of some days as one self-contained page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import Final

from bluezone_agent.app.contacts import HourOfContacts, close_at_once, hour_in_words, in_words, persons_in_words
from bluezone_agent.html.drawing import Drawing, Label, Line, Rect
from bluezone_agent.html.page import page
from bluezone_agent.i18n import _, local_clock, local_date

HEIGHT, TOP = 160, 20
BAR: Final = 0.86
"""Share of an hour's room that its bar fills."""
HOURS: Final = 24
"""Hours of a day; a day on which clocks are set back has one more, drawn separately."""
LABELLED: Final = 3
"""Every third hour has a label: on a narrow display there is room for no more."""


@dataclass(frozen=True, slots=True)
class DrawnDay:
    """One day of the page."""

    date: str
    contacts: str
    drawing: Drawing
    hours: list[str]
    """The same in words, hour by hour."""


def render(hours: Sequence[HourOfContacts], notes: Sequence[str]) -> str:
    """Return the page as HTML; ``notes`` say what the numbers are."""
    return page("contacts", notes=notes, days=drawn_days(hours))


def drawn_days(hours: Sequence[HourOfContacts]) -> list[DrawnDay]:
    """Draw each of the owner's days, oldest first, all to the same scale."""
    most = max((_minutes(h) for h in hours), default=1)
    days = groupby(hours, lambda hour: local_date(hour.starts_at))
    return [_day(date, list(its), most) for date, its in days]


def _day(date: str, hours: list[HourOfContacts], most: int) -> DrawnDay:
    contacts = f"{persons_in_words(hours)}; {in_words(hours)}"
    room = max(HOURS, *(_place(hour) + 1 for hour in hours))
    drawing = Drawing(
        height=TOP + HEIGHT + 24,
        title=f"{date}: {contacts}",
        lines=(Line(0, TOP + HEIGHT, 1, TOP + HEIGHT),),
        rects=tuple(chain.from_iterable(_bars(hour, most, room) for hour in hours)),
        labels=(
            Label(_("{n} min").format(n=most), 0, TOP + 10, "end", "soft", dx=-6),
            *(_below(_midnight(hours[0]), place, room) for place in range(0, HOURS, LABELLED)),
            *chain.from_iterable(_at_once(hour, most, room) for hour in hours),
        ),
    )
    return DrawnDay(date, contacts, drawing, [hour_in_words(hour) for hour in hours])


def _bars(hour: HourOfContacts, most: int, room: int) -> Iterator[Rect]:
    title = hour_in_words(hour)
    y = float(TOP + HEIGHT)
    for name, minutes in (("near", hour.close_minutes), ("middle", hour.middle_minutes), ("far", hour.far_minutes)):
        height = HEIGHT * minutes / most
        y -= height
        yield Rect(name, (_place(hour) + (1 - BAR) / 2) / room, y, BAR / room, height, title)


def _at_once(hour: HourOfContacts, most: int, room: int) -> Iterator[Label]:
    if at_once := close_at_once([hour]):
        top = TOP + HEIGHT - HEIGHT * _minutes(hour) / most
        yield Label(str(at_once), (_place(hour) + 0.5) / room, top - 4, "middle")


def _below(midnight: datetime, place: int, room: int) -> Label:
    clock = local_clock(midnight.timestamp() + place * 3600)
    return Label(clock[:2], (place + 0.5) / room, TOP + HEIGHT + 16, "middle", "soft")


def _place(hour: HourOfContacts) -> int:
    """Return the number of hours from local midnight to its start."""
    return int((hour.starts_at - _midnight(hour)).total_seconds() // 3600)


def _midnight(hour: HourOfContacts) -> datetime:
    local = hour.starts_at.astimezone()
    return datetime(local.year, local.month, local.day).astimezone()


def _minutes(hour: HourOfContacts) -> int:
    return hour.close_minutes + hour.middle_minutes + hour.far_minutes
