"""An explained day as one self-contained page: what was received from cases, how close, and gaps in scanning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from bluezone_agent.app.explain import Explained
from bluezone_agent.cli.html.drawing import Drawing, Label, Line, Rect
from bluezone_agent.cli.html.page import page
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB
from bluezone_agent.i18n import _, local_clock, local_date, local_number

LEFT, WIDTH, HEIGHT, TOP = 60, 1080, 180, 16
FARTHEST_DB: Final = 100
GRID_DB: Final = 20
HOURS: Final = 3
BIN_WIDTH: Final = WIDTH / (FARTHEST_DB / HISTOGRAM_BIN_DB)

Weighted = tuple[ReceivedMinute, float]
"""A minute and its weight."""


def render(found: Explained, lines: Sequence[str], step_s: int) -> str:
    """Return the page as HTML; ``lines`` is the explanation in words, ``step_s`` the rounding of times."""
    minutes = [
        weighted
        for day in found.exposures
        for window in day.windows
        for weighted in zip(window.minutes, window.weights, strict=True)
    ]
    return page(
        "explain",
        day=local_date(found.day),
        words="\n".join(lines),
        timeline=_timeline(found, minutes, step_s),
        histogram=_histogram([m for m, _weight in minutes]),
    )


def _timeline(found: Explained, minutes: list[Weighted], step_s: int) -> Drawing:
    levels = range(0, FARTHEST_DB + 1, GRID_DB)
    hours = range(0, 25, HOURS)
    return Drawing(
        width=LEFT + WIDTH + 20,
        height=TOP + HEIGHT + 24,
        title=_("Attenuation over the day"),
        lines=tuple(Line(LEFT, _y(db), LEFT + WIDTH, _y(db)) for db in levels),
        rects=(*_gaps(found), *_received(found, minutes, step_s)),
        labels=(
            *(Label(f"{db} dB", LEFT - 8, _y(db) + 4, "end", "soft") for db in levels),
            *(
                _below(
                    LEFT + WIDTH * h / 24,
                    local_clock(found.starts_at_s + h * 3600, found.calendar.offset_s(found.starts_at_s + h * 3600)),
                )
                for h in hours
            ),
        ),
    )


def _gaps(found: Explained) -> Iterator[Rect]:
    for gap in found.gaps:
        x = _x(found, gap.starts_at_s)
        yield Rect("line", x, TOP, max(1, _x(found, gap.ends_at_s) - x), HEIGHT)


def _received(found: Explained, minutes: list[Weighted], step_s: int) -> Iterator[Rect]:
    """Yield, for each ``step_s`` seconds, the minute with the highest weight, or else the closest one."""
    width = max(2, WIDTH * step_s / DAY_S)
    steps: dict[int, Weighted] = {}
    for m, weight in sorted(minutes, key=lambda received: (received[1], -received[0].attenuation_db)):
        steps[m.minute * MINUTE_S // step_s] = m, weight
    for step, (m, weight) in sorted(steps.items()):
        y = _y(m.attenuation_db)
        yield Rect(
            "near" if weight else "far",
            _x(found, step * step_s),
            y,
            width,
            TOP + HEIGHT - y,
            title=f"{m.attenuation_db:.0f} dB{_counted(m, weight)}",
            opacity=0.35 + 0.65 * min(weight, 1) if weight else 1,
        )


def _counted(minute: ReceivedMinute, weight: float) -> str:
    return f", {_('protected')}" if minute.protected else f" x {local_number(weight):.2f}"


def _histogram(minutes: list[ReceivedMinute]) -> Drawing:
    bins: Counter[int] = Counter()
    for m in minutes:
        bins.update(m.histogram or {int(m.attenuation_db // HISTOGRAM_BIN_DB): m.count})
    most = max(bins.values(), default=1)
    return Drawing(
        width=LEFT + WIDTH + 60,
        height=TOP + HEIGHT + 24,
        title=_("Received advertisements by attenuation"),
        rects=tuple(_bin(number, count, most) for number, count in sorted(bins.items())),
        labels=(
            *(_below(LEFT + db / HISTOGRAM_BIN_DB * BIN_WIDTH, f"{db} dB") for db in range(0, FARTHEST_DB + 1, 10)),
            Label(str(most), 0, TOP + 10, style="soft"),
        ),
    )


def _bin(number: int, count: int, most: int) -> Rect:
    low_db = number * HISTOGRAM_BIN_DB
    height = HEIGHT * count / most
    title = f"{low_db}-{low_db + HISTOGRAM_BIN_DB} dB: {count}"
    return Rect("middle", LEFT + number * BIN_WIDTH, TOP + HEIGHT - height, BIN_WIDTH - 3, height, title)


def _below(x: float, text: str) -> Label:
    return Label(text, x, TOP + HEIGHT + 16, "middle", "soft")


def _x(found: Explained, unix_s: float) -> float:
    return LEFT + WIDTH * (unix_s - found.starts_at_s) / DAY_S


def _y(attenuation_db: float) -> float:
    """Return the position of an attenuation; closer contacts have higher bars."""
    return TOP + HEIGHT * min(attenuation_db, FARTHEST_DB) / FARTHEST_DB
