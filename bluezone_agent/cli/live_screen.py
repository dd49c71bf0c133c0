"""The live screen of ``around``: as many devices as fit the terminal, nearest first, and what limits the view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bluezone_agent.app.around_text import CLOSENESS, cautions, headline, last_received, nearness, state_text
from bluezone_agent.cli.streams import has_letter
from bluezone_agent.cli.talk import printable
from bluezone_agent.core.attenuation import Closeness
from bluezone_agent.core.live_line import LiveLine, LiveState
from bluezone_agent.i18n import _, local_number, local_seconds, ngettext

STYLES: Final = {Closeness.CLOSE: "bold yellow", Closeness.MEDIUM: "cyan", Closeness.FAR: "dim"}
BAR_CELLS: Final = ((80, 24), (50, 12), (0, 6))
"""Columns of the terminal at least → cells of a bar."""
WIDE: Final = 80
"""From so many columns on ages are said in words."""
BLANK_LINES: Final = 3
"""Above and below the devices, and the one with the cursor."""
FULL: Final = ("█", "#")
EMPTY: Final = ("░", ".")
"""What a bar is made of, and what replaces it where the encoding lacks it."""


@contextmanager
def screen() -> Iterator[Callable[[LiveLine], None]]:
    """Yield a function that shows a line in place of the one before; the last one stays."""
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False) as live:
        yield lambda line: live.update(view(line, console), refresh=True)


def view(line: LiveLine, console: Console) -> Group:
    """Return what is shown on a terminal of the console's size."""
    scanning = line.state is LiveState.SCANNING
    above = [
        Text(f"{local_seconds(line.at)}  {headline(line)}", style="bold"),
        Text(printable(state_text(line)), style="" if scanning else "red"),
        *(Text(printable(f"! {text}"), style="yellow") for text in cautions(line)),
    ]
    below = Text(_("fuller bar: nearer; seconds: since the last packet; q or Ctrl-C ends it"), style="dim")
    used = sum(len(text.wrap(console, console.width)) for text in (*above, below))
    room = max(1, console.height - used - BLANK_LINES)
    shown = line.neighbours if len(line.neighbours) <= room else line.neighbours[: room - 1]
    hidden = len(line.neighbours) - len(shown)
    more = [Text(ngettext("and {n} more", "and {n} more", hidden).format(n=hidden))] if hidden else []
    return Group(*above, Text(), _table(line, len(shown), console.width), *more, Text(), below)


def _table(line: LiveLine, rows: int, width: int) -> Table:
    cells = next(cells for least, cells in BAR_CELLS if width >= least)
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    for justify in ("left", "left", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for n in line.neighbours[:rows]:
        table.add_row(
            Text(n.pseudonym),
            Text(_(CLOSENESS[n.closeness]), style=STYLES[n.closeness]),
            Text(_bar(nearness(n), cells), style=STYLES[n.closeness]),
            Text(f"{local_number(n.attenuation_db):.0f} dB"),
            Text(last_received(n) if width >= WIDE else f"{n.received_s:.0f} s"),
        )
    return table


def _bar(share: float, cells: int) -> str:
    full, empty = (letter if has_letter(letter) else simple for letter, simple in (FULL, EMPTY))
    filled = round(share * cells)
    return full * filled + empty * (cells - filled)
