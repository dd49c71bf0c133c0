"""An explained day as one self-contained page: what was received from cases, how close, and gaps in scanning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bluezone_agent.app.day_picture import HOUR_S, DayPicture, PictureBin, PictureStep
from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB
from bluezone_agent.html.drawing import Drawing, Label, Line, Rect
from bluezone_agent.html.page import page
from bluezone_agent.i18n import _, local_date, local_number

HEIGHT, TOP = 180, 16
HOURS: Final = 24
LEAST_HOURS: Final = 3
MOST_CLOCKS: Final = 4
"""Times of day along the axis: a narrow display has room for no more."""
FARTHEST_DB: Final = 100
GRID_DB: Final = 20
BIN_WIDTH: Final = HISTOGRAM_BIN_DB / FARTHEST_DB
NARROWEST: Final = 0.002
"""Share of the width that can still be seen."""


def render(picture: DayPicture, lines: Sequence[str]) -> str:
    """Return the page as HTML; ``lines`` is the explanation in words."""
    return page(
        "explain",
        day=local_date(picture.day),
        words="\n".join(lines),
        timeline=timeline(picture),
        histogram=histogram(picture),
    )


def timeline(picture: DayPicture, window: tuple[int, int] = (0, HOURS)) -> Drawing:
    """Draw the attenuation over the day, or over the hours ``window`` of it."""
    levels = range(0, FARTHEST_DB + 1, GRID_DB)
    first, last = window
    every = max(1, (last - first) // MOST_CLOCKS)
    return Drawing(
        height=TOP + HEIGHT + 24,
        title=_("Attenuation over the day"),
        lines=tuple(Line(0, _y(db), 1, _y(db)) for db in levels),
        rects=(*_gaps(picture, window), *(_received(step, picture.step_s, window) for step in picture.steps)),
        labels=(
            *(Label(f"{db} dB", 0, _y(db) + 4, "end", "soft", dx=-6) for db in levels),
            *(_below(_x(hour * HOUR_S, window), picture.clocks[hour]) for hour in range(first, last + 1, every)),
        ),
    )


def hours_with_contact(picture: DayPicture) -> tuple[int, int]:
    """Return the hours of the day in which a case was received, and those next to them, at least three."""
    if not picture.steps:
        return 0, HOURS
    first = max(0, min(step.starts_s for step in picture.steps) // HOUR_S - 1)
    last = min(HOURS, (max(step.starts_s for step in picture.steps) + picture.step_s) // HOUR_S + 2)
    return max(0, min(first, last - LEAST_HOURS)), max(last, min(HOURS, first + LEAST_HOURS))


def _gaps(picture: DayPicture, window: tuple[int, int]) -> Iterator[Rect]:
    for gap in picture.gaps:
        start, end = (min(1, max(0, _x(at_s, window))) for at_s in (gap.starts_s, gap.ends_s))
        if end > start:
            yield Rect("line", start, TOP, max(NARROWEST, end - start), HEIGHT)


def _received(step: PictureStep, step_s: int, window: tuple[int, int]) -> Rect:
    y, x = _y(step.attenuation_db), _x(step.starts_s, window)
    return Rect(
        "near" if step.weight else "far",
        x,
        y,
        max(NARROWEST, _x(step.starts_s + step_s, window) - x),
        TOP + HEIGHT - y,
        title=f"{step.attenuation_db:.0f} dB{_counted(step)}",
        opacity=0.35 + 0.65 * min(step.weight, 1) if step.weight else 1,
    )


def _x(at_s: int, window: tuple[int, int]) -> float:
    return (at_s / HOUR_S - window[0]) / (window[1] - window[0])


def _counted(step: PictureStep) -> str:
    return f", {_('protected')}" if step.protected else f" x {local_number(step.weight):.2f}"


def histogram(picture: DayPicture) -> Drawing:
    """Draw how many advertisements were received with which attenuation."""
    most = max((found.advertisements for found in picture.histogram), default=1)
    return Drawing(
        height=TOP + HEIGHT + 24,
        title=_("Received advertisements by attenuation"),
        lines=(Line(0, TOP + HEIGHT, 1, TOP + HEIGHT),),
        rects=tuple(_bin(found, most) for found in picture.histogram),
        labels=(
            *(_below(db / FARTHEST_DB, f"{db}") for db in range(0, FARTHEST_DB, GRID_DB)),
            _below(1, f"{FARTHEST_DB} dB"),
            Label(str(most), 0, TOP + 10, "end", "soft", dx=-6),
        ),
    )


def _bin(found: PictureBin, most: int) -> Rect:
    height = HEIGHT * found.advertisements / most
    title = f"{found.low_db}-{found.low_db + HISTOGRAM_BIN_DB} dB: {found.advertisements}"
    return Rect("middle", found.low_db / FARTHEST_DB, TOP + HEIGHT - height, BIN_WIDTH * 0.9, height, title)


def _below(x: float, text: str) -> Label:
    return Label(text, x, TOP + HEIGHT + 16, "middle", "soft")


def _y(attenuation_db: float) -> float:
    """Return the position of an attenuation; closer contacts have higher bars."""
    return TOP + HEIGHT * min(attenuation_db, FARTHEST_DB) / FARTHEST_DB
