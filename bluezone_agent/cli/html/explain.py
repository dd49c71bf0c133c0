"""An explained day as one self-contained page: when it was heard, how close, and when nobody listened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from bluezone_agent.app.explain import Explained
from bluezone_agent.cli.html.page import legend, page
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB
from bluezone_agent.i18n import _, local_clock, local_date

LEFT, WIDTH, HEIGHT, TOP = 60, 1080, 180, 16
FARTHEST_DB: Final = 100
GRID_DB: Final = 20
HOURS: Final = 3


def render(found: Explained, lines: Sequence[str], step_s: int) -> str:
    """Return the page as HTML; ``lines`` is the explanation in words, and ``step_s`` how finely times are told."""
    minutes = [
        (m, weight)
        for day in found.exposures
        for w in day.windows
        for m, weight in zip(w.minutes, w.weights, strict=True)
    ]
    words = "\n".join(lines)
    drawn = (
        f"<h2>{escape(_('Attenuation over the day'))}</h2>",
        legend({"near": _("counts"), "far": _("heard, counts for nothing"), "line": _("nobody listened")}),
        _timeline(found, minutes, step_s),
        f"<h2>{escape(_('Sightings by attenuation'))}</h2>",
        _histogram([m for m, _weight in minutes]),
    )
    return page(
        _("{day}: what was heard of published cases").format(day=local_date(found.day_start_s)),
        (f"<pre>{escape(words)}</pre>", *drawn),
    )


def _timeline(found: Explained, minutes: list[tuple[ReceivedMinute, float]], step_s: int) -> str:
    """Draw the minute that counts most, else the nearest, of each ``step_s`` seconds."""
    parts = list(_grid(found.day_start_s))
    for gap in found.gaps:
        x = _x(found, gap.starts_at_s)
        width = max(1, _x(found, gap.ends_at_s) - x)
        parts.append(f'<rect x="{x:.1f}" y="{TOP}" width="{width:.1f}" height="{HEIGHT}" fill="var(--line)"/>')
    width = max(2, WIDTH * step_s / DAY_S)
    steps: dict[int, tuple[ReceivedMinute, float]] = {}
    for m, weight in sorted(minutes, key=lambda received: (received[1], -received[0].attenuation_db)):
        steps[m.minute * MINUTE_S // step_s] = m, weight
    for step, (m, weight) in sorted(steps.items()):
        x, y = _x(found, step * step_s), _y(m.attenuation_db)
        title = f"{m.attenuation_db:.0f} dB{', ' + _('protected') if m.protected else f' x {weight:.2f}'}"
        kind = "near" if weight else "far"
        opacity = 0.35 + 0.65 * min(weight, 1) if weight else 1
        parts.append(
            f'<rect class="{kind}" opacity="{opacity:.2f}" x="{x:.1f}" y="{y:.1f}" width="{width:.2f}"'
            f' height="{TOP + HEIGHT - y:.1f}"><title>{escape(title)}</title></rect>'
        )
    label = escape(_("Attenuation over the day"))
    size = f"0 0 {LEFT + WIDTH + 20} {TOP + HEIGHT + 24}"
    return f'<svg viewBox="{size}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _grid(day_start_s: int) -> Iterator[str]:
    for db in range(0, FARTHEST_DB + 1, GRID_DB):
        y = _y(db)
        yield f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="soft" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{db} dB</text>'
    for hour in range(0, 25, HOURS):
        x = LEFT + WIDTH * hour / 24
        clock = local_clock(day_start_s + hour * 3600)
        yield f'<text class="soft" x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{clock}</text>'


def _histogram(minutes: list[ReceivedMinute]) -> str:
    bins: Counter[int] = Counter()
    for m in minutes:
        bins.update(m.histogram or {int(m.attenuation_db // HISTOGRAM_BIN_DB): m.count})
    most = max(bins.values(), default=1)
    width = WIDTH / (FARTHEST_DB / HISTOGRAM_BIN_DB)
    parts = []
    for b, count in sorted(bins.items()):
        low_db = b * HISTOGRAM_BIN_DB
        height = HEIGHT * count / most
        x = LEFT + low_db / HISTOGRAM_BIN_DB * width
        parts.append(
            f'<rect class="middle" x="{x:.1f}" y="{TOP + HEIGHT - height:.1f}" width="{width - 3:.1f}"'
            f' height="{height:.1f}"><title>{low_db}-{low_db + HISTOGRAM_BIN_DB} dB: {count}</title></rect>'
        )
    for db in range(0, FARTHEST_DB + 1, 10):
        x = LEFT + db / HISTOGRAM_BIN_DB * width
        parts.append(f'<text class="soft" x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{db} dB</text>')
    parts.append(f'<text class="soft" x="0" y="{TOP + 10}">{most}</text>')
    label = escape(_("Sightings by attenuation"))
    size = f"0 0 {LEFT + WIDTH + 60} {TOP + HEIGHT + 24}"
    return f'<svg viewBox="{size}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _x(found: Explained, unix_s: float) -> float:
    return LEFT + WIDTH * (unix_s - found.day_start_s) / DAY_S


def _y(attenuation_db: float) -> float:
    """The nearer the higher."""
    return TOP + HEIGHT * min(attenuation_db, FARTHEST_DB) / FARTHEST_DB
