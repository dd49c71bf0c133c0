"""The simulated day as one self-contained page: who was near whom, when, and what each device told its owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from bluezone_agent.app.demo import Day, PersonVerdict
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.sentences import advice, describe
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.html.drawing import Drawing, Label, Line, Rect
from bluezone_agent.html.page import page
from bluezone_agent.i18n import _, local_clock, local_date, local_time
from bluezone_agent.scenarios.cast import Person, near_minutes

LANE, TOP = 30, 28
GRID_MIN: Final = 120
PLACES: Final = 6
"""Number of colours for places in the style sheet."""
ROOM_FOR_TEXT: Final = 0.066
"""Share of the width."""
NARROWEST: Final = 0.002


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of a drawing."""

    rects: tuple[Rect, ...]
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What one device told its owner, and whether that was correct."""

    name: str
    role: str
    protocol: str
    warned_on: str
    """Empty if there was no warning."""
    near_minutes: int
    right: bool
    says: str


def render(day: Day) -> str:
    """Return the page as HTML; it loads no external resources."""
    return page(
        "demo",
        date=local_date(day.starts_at_s),
        seed=day.seed,
        case=day.case.name,
        protocol=day.case.protocol,
        published_at=local_clock(day.published_at_s),
        keys_published=day.keys_published,
        whereabouts=_drawing(day, _("Where each person was"), tuple(_whereabouts(day))),
        pairs=_drawing(day, _("Who was near whom, and when"), tuple(_pairs(day))),
        cards=[_card(v, day.calendar) for v in day.others],
    )


def _whereabouts(day: Day) -> Iterator[Lane]:
    places = list(dict.fromkeys(s.where for v in day.verdicts for s in v.person.stays))
    for row, v in enumerate(day.verdicts):
        y = TOP + row * LANE
        rects, labels = [], [_name(y, v.person.name)]
        for stay in v.person.stays:
            x, width = _span(day, stay.starts_at_s, stay.ends_at_s)
            colour = f"place-{places.index(stay.where) % PLACES}"
            title = f"{local_clock(stay.starts_at_s)}-{local_clock(stay.ends_at_s)} {_(stay.where)}"
            rects.append(Rect(colour, x, y + 4, max(width, NARROWEST), LANE - 10, title, radius=3))
            if width > ROOM_FOR_TEXT:
                labels.append(Label(_(stay.where), x, y + 19, style="in", dx=6))
        yield Lane(tuple(rects), tuple(labels))


def _pairs(day: Day) -> Iterator[Lane]:
    received = {v.person.name: v.received for v in day.verdicts}
    count = 0
    for one, other in combinations([v.person for v in day.verdicts], 2):
        minutes = {*received[one.name].get(other.name, ()), *received[other.name].get(one.name, ())}
        if minutes:
            y = TOP + count * LANE
            yield Lane(tuple(_pair(day, y, one, other, minutes)), (_name(y, f"{one.name} – {other.name}"),))
            count += 1


def _pair(day: Day, y: int, one: Person, other: Person, received: set[int]) -> Iterator[Rect]:
    near = received & set(near_minutes(one, other))
    for colour, minutes in (("far", received - near), ("near", near)):
        for start, end in _runs(minutes):
            x, width = _span(day, start * MINUTE_S, end * MINUTE_S)
            title = f"{local_clock(start * MINUTE_S)}-{local_clock(end * MINUTE_S)}"
            yield Rect(colour, x, y + 6, max(width, NARROWEST), LANE - 14, title)


def _runs(minutes: set[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of consecutive minutes as (first, one past the last)."""
    start = last = None
    for minute in sorted(minutes):
        if start is None or last is None or minute > last + 1:
            if start is not None and last is not None:
                yield start, last + 1
            start = minute
        last = minute
    if start is not None and last is not None:
        yield start, last + 1


def _drawing(day: Day, title: str, lanes: tuple[Lane, ...]) -> Drawing:
    height = TOP + len(lanes) * LANE + 6
    grid = range(day.starts_at_s, day.ends_at_s + 1, GRID_MIN * MINUTE_S)
    return Drawing(
        height=height,
        title=title,
        lines=tuple(Line(_x(day, at_s), TOP - 6, _x(day, at_s), height) for at_s in grid),
        rects=tuple(rect for lane in lanes for rect in lane.rects),
        labels=(
            *(Label(local_clock(at_s), _x(day, at_s), 14, "middle", "soft") for at_s in grid),
            *(label for lane in lanes for label in lane.labels),
        ),
        margin="names",
    )


def _name(y: int, text: str) -> Label:
    return Label(text, 0, y + 19, dx=-150)


def _span(day: Day, starts_at_s: float, ends_at_s: float) -> tuple[float, float]:
    """Return the position and width of a period in the drawing."""
    return _x(day, starts_at_s), _x(day, ends_at_s) - _x(day, starts_at_s)


def _x(day: Day, unix_s: float) -> float:
    return (unix_s - day.starts_at_s) / (day.ends_at_s - day.starts_at_s)


def _card(v: PersonVerdict, calendar: Calendar) -> Card:
    shown = [ExposureDay.of(d, calendar) for d in v.days]
    return Card(
        name=v.person.name,
        role=_(v.person.role),
        protocol=v.person.protocol,
        warned_on="" if v.warned_at_s is None else local_time(v.warned_at_s),
        near_minutes=v.true_near_minutes,
        right=v.right,
        says="\n".join(line for d in shown for line in (describe(d), *(advice(d.degree, None) if d.warning else ()))),
    )
