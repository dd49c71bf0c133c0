"""Pictures that only the page draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bluezone_agent.app.page_parts import ScannedDay
from bluezone_agent.html.drawing import Drawing, Label, Line, Rect
from bluezone_agent.i18n import _, local_date

HEIGHT, TOP = 100, 18
BAR: Final = 0.8
"""Share of a day's room that its bar fills."""
UNKNOWN: Final = "–"


def share_text(day: ScannedDay) -> str:
    """Return a day's share as a person reads it."""
    return UNKNOWN if day.share is None else f"{day.share:.0%}"


def scanned_chart(days: Sequence[ScannedDay]) -> Drawing:
    """Draw the share of each day in which the device scanned."""
    room = 1 / max(1, len(days))
    bottom = TOP + HEIGHT
    return Drawing(
        height=bottom + 24,
        title=_("Share of each day in which the device scanned"),
        lines=(Line(0, TOP, 1, TOP), Line(0, bottom, 1, bottom)),
        rects=tuple(
            Rect(
                "scan",
                (n + (1 - BAR) / 2) * room,
                bottom - HEIGHT * day.share,
                BAR * room,
                HEIGHT * day.share,
                f"{local_date(day.day)}: {share_text(day)}",
            )
            for n, day in enumerate(days)
            if day.share is not None
        ),
        labels=(
            Label("100%", 0, TOP + 4, "end", "soft", dx=-6),
            Label("0%", 0, bottom + 4, "end", "soft", dx=-6),
            *(Label(str(day.day.day), (n + 0.5) * room, bottom + 16, "middle", "soft") for n, day in enumerate(days)),
        ),
    )
