"""Close contacts of some days as one self-contained page, hour by hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import chain, groupby
from typing import Final

from bluezone_agent.app.contacts import HourOfContacts
from bluezone_agent.cli.html.page import legend, page, paragraphs
from bluezone_agent.i18n import _, local_clock, local_date, ngettext

HOUR_S: Final = 3600
BAR, GAP, HEIGHT, TOP, LEFT = 38, 6, 160, 20, 46
HOURS: Final = 24


def render(hours: Sequence[HourOfContacts], notes: Sequence[str]) -> str:
    """Return the page as HTML; ``notes`` say what the numbers are."""
    most = max((_minutes(h) for h in hours), default=1)
    bands = {"near": _("close"), "middle": _("not far"), "far": _("far")}
    days = groupby(hours, lambda hour: local_date(hour.starts_at))
    return page(
        _("Time spent near others"),
        (
            *paragraphs(notes),
            legend(bands),
            *chain.from_iterable(_day(day, list(its), most) for day, its in days),
        ),
    )


def _day(day: str, hours: list[HourOfContacts], most: int) -> Iterator[str]:
    contacts = sum(h.close_contacts for h in hours)
    text = ngettext("{n} close contact", "{n} close contacts", contacts).format(n=contacts)
    yield f"<h2>{escape(day)} · {escape(text)}</h2>"
    label = escape(f"{day}: {text}")
    yield f'<svg viewBox="0 0 {LEFT + HOURS * (BAR + GAP)} {TOP + HEIGHT + 24}" role="img" aria-label="{label}">'
    yield f'<text class="soft" x="0" y="{TOP + 10}">{most} min</text>'
    yield f'<line x1="{LEFT}" x2="{LEFT + HOURS * (BAR + GAP)}" y1="{TOP + HEIGHT}" y2="{TOP + HEIGHT}"/>'
    for hour in hours:
        yield _bar(hour, most)
    yield "</svg>"


def _bar(hour: HourOfContacts, most: int) -> str:
    clock = local_clock(hour.starts_at)
    x, y, parts = LEFT + int(clock[:2]) * (BAR + GAP), float(TOP + HEIGHT), []
    for name, minutes in (("near", hour.close_minutes), ("middle", hour.middle_minutes), ("far", hour.far_minutes)):
        height = HEIGHT * minutes / most
        y -= height
        parts.append(f'<rect class="{name}" x="{x}" y="{y:.1f}" width="{BAR}" height="{height:.1f}"/>')
    title = _("{clock}: close {close} min, not far {middle} min, far {far} min, {contacts} close contacts").format(
        clock=clock,
        close=hour.close_minutes,
        middle=hour.middle_minutes,
        far=hour.far_minutes,
        contacts=hour.close_contacts,
    )
    number = f'<text x="{x + BAR / 2}" y="{y - 4:.1f}" text-anchor="middle">{hour.close_contacts or ""}</text>'
    below = f'<text class="soft" x="{x + BAR / 2}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{clock[:2]}</text>'
    return f"<g><title>{escape(title)}</title>{''.join(parts)}{number}{below}</g>"


def _minutes(hour: HourOfContacts) -> int:
    return hour.close_minutes + hour.middle_minutes + hour.far_minutes
