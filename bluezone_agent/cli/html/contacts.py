"""The contact history of some days as one self-contained page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import Final

from bluezone_agent.app.contacts import HourOfContacts, close_at_once, hour_in_words, in_words
from bluezone_agent.cli.html.drawing import Drawing, Label, Line, Rect
from bluezone_agent.cli.html.page import page
from bluezone_agent.i18n import _, local_clock, local_date

BAR, GAP, HEIGHT, TOP, LEFT = 38, 6, 160, 20, 46
HOURS: Final = 24
"""Hours of a day; a day on which clocks are set back has one more, drawn separately."""


@dataclass(frozen=True, slots=True)
class DrawnDay:
    """One day of the page."""

    date: str
    contacts: str
    drawing: Drawing


def render(hours: Sequence[HourOfContacts], notes: Sequence[str]) -> str:
    """Return the page as HTML; ``notes`` say what the numbers are."""
    most = max((_minutes(h) for h in hours), default=1)
    days = groupby(hours, lambda hour: local_date(hour.starts_at))
    return page("contacts", notes=notes, days=[_day(date, list(its), most) for date, its in days])


def _day(date: str, hours: list[HourOfContacts], most: int) -> DrawnDay:
    contacts = in_words(hours)
    right = LEFT + max(HOURS, *(_place(hour) + 1 for hour in hours)) * (BAR + GAP)
    drawing = Drawing(
        width=right,
        height=TOP + HEIGHT + 24,
        title=f"{date}: {contacts}",
        lines=(Line(LEFT, TOP + HEIGHT, right, TOP + HEIGHT),),
        rects=tuple(chain.from_iterable(_bars(hour, most) for hour in hours)),
        labels=(
            Label(_("{n} min").format(n=most), 0, TOP + 10, style="soft"),
            *chain.from_iterable(_labels(hour, most) for hour in hours),
        ),
    )
    return DrawnDay(date, contacts, drawing)


def _bars(hour: HourOfContacts, most: int) -> Iterator[Rect]:
    title = hour_in_words(hour)
    y = float(TOP + HEIGHT)
    for name, minutes in (("near", hour.close_minutes), ("middle", hour.middle_minutes), ("far", hour.far_minutes)):
        height = HEIGHT * minutes / most
        y -= height
        yield Rect(name, _x(hour), y, BAR, height, title)


def _labels(hour: HourOfContacts, most: int) -> Iterator[Label]:
    middle = _x(hour) + BAR / 2
    if at_once := close_at_once([hour]):
        top = TOP + HEIGHT - HEIGHT * _minutes(hour) / most
        yield Label(str(at_once), middle, top - 4, "middle")
    yield Label(local_clock(hour.starts_at)[:2], middle, TOP + HEIGHT + 16, "middle", "soft")


def _x(hour: HourOfContacts) -> int:
    return LEFT + _place(hour) * (BAR + GAP)


def _place(hour: HourOfContacts) -> int:
    """Return the number of hours from local midnight to its start."""
    local = hour.starts_at.astimezone()
    midnight = datetime(local.year, local.month, local.day).astimezone()
    return int((hour.starts_at - midnight).total_seconds() // 3600)


def _minutes(hour: HourOfContacts) -> int:
    return hour.close_minutes + hour.middle_minutes + hour.far_minutes
