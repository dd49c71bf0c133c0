"""The demo's day as one self-contained page: who was near whom, when, and what each agent told its owner."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import combinations
from typing import Final

from bluezone_agent.app.demo import Day, PersonVerdict
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.sentences import advice, describe
from bluezone_agent.cli.html.page import legend, page, paragraphs
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.i18n import _, local_clock, local_date, local_time
from bluezone_agent.scenarios.cast import Person, near_minutes

LEFT, WIDTH, RIGHT = 150, 1060, 14
LANE, TOP = 30, 28
HOUR_MIN: Final = 60
PLACE_COLOURS: Final = ("#8fb8de", "#f2c078", "#a8d5ba", "#e6a5a1", "#c9b6e4", "#d9cf7a")


def render(day: Day) -> str:
    """Return the page as HTML; it loads nothing from anywhere."""
    return page(
        _("A day in six lives"),
        (
            *paragraphs(_introduction(day)),
            f"<h2>{escape(_('Where everybody was'))}</h2>",
            _lanes(day),
            f"<h2>{escape(_('Who was near whom, when'))}</h2>",
            _legend(),
            _pairs(day),
            f"<h2>{escape(_('What each agent told its owner'))}</h2>",
            '<div class="cards">',
            *(_card(v, day) for v in day.others),
            "</div>",
        ),
    )


def _introduction(day: Day) -> Iterator[str]:
    yield _(
        "{day}, Vietnam time, simulated with seed {seed}. Six devices ran the real agent: each broadcast identifiers"
        " that change every 10 to 15 minutes, and remembered those it heard."
    ).format(day=local_date(day.starts_at_s), seed=day.seed)
    yield _(
        "On the next morning at {clock} {case} proved ill (F0) and handed in the daily keys ({protocol}); the health"
        " authority published {n}. Each device compared that with its own memory. Nobody else learned who met whom:"
        " this page knows it only because the day is simulated."
    ).format(
        clock=local_clock(day.published_at_s), case=day.case.name, n=day.keys_published, protocol=day.case.protocol
    )


def _legend() -> str:
    return legend({"near": _("truly within 2 m, and heard"), "far": _("heard, farther away")})


def _lanes(day: Day) -> str:
    places = list(dict.fromkeys(s.where for v in day.verdicts for s in v.person.stays))
    rows = []
    for row, v in enumerate(day.verdicts):
        y = TOP + row * LANE
        rows.append(_label(y, v.person.name))
        for stay in v.person.stays:
            x, width = _x(day, stay.starts_at_s), _x(day, stay.ends_at_s) - _x(day, stay.starts_at_s)
            colour = PLACE_COLOURS[places.index(stay.where) % len(PLACE_COLOURS)]
            title = f"{local_clock(stay.starts_at_s)}-{local_clock(stay.ends_at_s)} {_(stay.where)}"
            text = _(stay.where) if width > 70 else ""
            rows.append(
                f'<g><title>{escape(title)}</title><rect x="{x:.1f}" y="{y + 4}" width="{max(width, 2):.1f}"'
                f' height="{LANE - 10}" rx="3" fill="{colour}"/>'
                f'<text class="in" x="{x + 6:.1f}" y="{y + 19}">{escape(text)}</text></g>'
            )
    return _chart(day, rows, len(day.verdicts), _("Where everybody was"))


def _pairs(day: Day) -> str:
    received = {v.person.name: v.received for v in day.verdicts}
    rows: list[str] = []
    count = 0
    for one, other in combinations([v.person for v in day.verdicts], 2):
        minutes = {*received[one.name].get(other.name, ()), *received[other.name].get(one.name, ())}
        if minutes:
            rows += _pair(day, TOP + count * LANE, one, other, minutes)
            count += 1
    return _chart(day, rows, count, _("Who was near whom, when"))


def _pair(day: Day, y: int, one: Person, other: Person, received: set[int]) -> Iterator[str]:
    near = received & set(near_minutes(one, other))
    yield _label(y, f"{one.name} – {other.name}")
    for kind, minutes in (("far", received - near), ("near", near)):
        for start, end in _runs(minutes):
            x, width = _x(day, start * MINUTE_S), _x(day, end * MINUTE_S) - _x(day, start * MINUTE_S)
            title = f"{local_clock(start * MINUTE_S)}-{local_clock(end * MINUTE_S)}"
            yield (
                f'<rect class="{kind}" x="{x:.1f}" y="{y + 6}" width="{max(width, 1.5):.1f}" height="{LANE - 14}">'
                f"<title>{title}</title></rect>"
            )


def _runs(minutes: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of consecutive minutes as (first, one past the last)."""
    start = last = None
    for minute in sorted(minutes):
        if start is None or last is None or minute > last + 1:
            if start is not None and last is not None:
                yield start, last + 1
            start = minute
        last = minute
    if start is not None and last is not None:
        yield start, last + 1


def _chart(day: Day, rows: list[str], count: int, title: str) -> str:
    height = TOP + count * LANE + 6
    grid = []
    for minute in range(day.starts_at_s // MINUTE_S, day.ends_at_s // MINUTE_S + 1, 2 * HOUR_MIN):
        x = _x(day, minute * MINUTE_S)
        grid.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height}"/>')
        grid.append(
            f'<text class="soft" x="{x:.1f}" y="14" text-anchor="middle">{local_clock(minute * MINUTE_S)}</text>'
        )
    return (
        f'<svg viewBox="0 0 {LEFT + WIDTH + RIGHT + 20} {height}" role="img" aria-label="{escape(title)}">'
        + "".join(grid + rows)
        + "</svg>"
    )


def _label(y: int, text: str) -> str:
    return f'<text x="0" y="{y + 19}">{escape(text)}</text>'


def _x(day: Day, unix_s: float) -> float:
    return LEFT + WIDTH * (unix_s - day.starts_at_s) / (day.ends_at_s - day.starts_at_s)


def _card(v: PersonVerdict, day: Day) -> str:
    verdict = (
        _("warned on {when}").format(when=local_time(v.warned_at_s)) if v.warned_at_s is not None else _("not warned")
    )
    truth = _("truly within 2 m of {case} for {n} min").format(case=day.case.name, n=v.true_near_minutes)
    shown = [ExposureDay.of(d) for d in v.days]
    lines = [line for d in shown for line in (describe(d), advice(d) if d.warning else "") if line]
    says = "\n".join(lines) or _("no exposure detected")
    right = _("right") if v.right else _("WRONG")
    return (
        f'<div class="card"><h3>{escape(v.person.name)}</h3><div class="soft">{escape(_(v.person.role))};'
        f" {escape(v.person.protocol)}</div>"
        f'<div><b>{escape(verdict)}</b> · <span class="{"good" if v.right else "bad"}">{escape(right)}</span></div>'
        f'<div class="soft">{escape(truth)}</div><pre>{escape(says)}</pre></div>'
    )
