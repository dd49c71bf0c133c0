"""The live screen of ``trial live``: one device's senders in full, the other recorders in a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bluezone_agent.app.trial_live_text import (
    age_text,
    clock_text,
    headline,
    latest_marks,
    node_text,
    problems,
    share_text,
)
from bluezone_agent.cli.talk import printable
from bluezone_agent.i18n import _, local_number, local_seconds, ngettext
from bluezone_agent.trials.live_line import LiveNode, LiveTrial, SenderLine

WIDE: Final = 76
MIDDLE: Final = 48
"""Columns from which on a table has all its columns, or all but the expected packets."""
MARKS: Final = 3
BLANK_LINES: Final = 3

Show = Callable[[LiveTrial, str], None]


@contextmanager
def screen(node: str | None) -> Iterator[Show]:
    """Yield a function that shows a line, and what is being typed, in place of the one before; the last one stays."""
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False) as live:
        yield lambda line, prompt: live.update(view(line, console, node=node, prompt=prompt), refresh=True)


def view(line: LiveTrial, console: Console, *, node: str | None = None, prompt: str = "") -> Group:
    """Return what is shown on a terminal of the console's size; ``node`` is whose senders are shown."""
    if not line.nodes:
        return Group(
            Text(printable(_("{trial}: no recorder has reported yet").format(trial=line.trial))), _keys(prompt)
        )
    shown = next((each for each in line.nodes if each.state.device == node), line.nodes[0])
    others = [each for each in line.nodes if each is not shown]
    above = [
        Text(printable(f"{local_seconds(line.at)}  {headline(shown.state)}"), style="bold"),
        *(Text(printable(f"! {text}"), style="red") for text in problems(line)),
    ]
    about = Text(printable(f"{shown.state.device}: {node_text(shown)}; {clock_text(shown.state)}"))
    marks = [Text(printable(text)) for text in latest_marks(line, MARKS)]
    below = [*marks, _keys(prompt)]
    used = sum(len(text.wrap(console, console.width)) for text in (*above, about, *below)) + BLANK_LINES + 1
    room = max(2, console.height - used)
    if len(shown.state.senders) + len(others) > room:
        others_room = max(0, min(len(others), room - len(shown.state.senders)))
    else:
        others_room = len(others)
    senders = shown.state.senders[: max(1, room - others_room)]
    hidden = len(shown.state.senders) - len(senders) + len(others) - others_room
    more = [Text(ngettext("and {n} more", "and {n} more", hidden).format(n=hidden))] if hidden else []
    tables = [_senders(senders, console.width), *([_others(others[:others_room])] if others_room else [])]
    return Group(*above, about, Text(), *tables, *more, Text(), *below)


def _keys(prompt: str) -> Text:
    if prompt:
        return Text(printable(prompt), style="bold")
    return Text(_("space, 1-9: mark; m: mark with a text; q: end"), style="dim")


def _senders(senders: tuple[SenderLine, ...], width: int) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for number in range(5):
        table.add_column(justify="right" if number else "left", no_wrap=True)
    for sender in senders:
        style = "red" if sender.silent else "" if sender.phase_expected is not None else "dim"
        cells = [sender.device, *_counts(sender, width), share_text(sender)]
        level = "" if sender.rssi_dbm is None else f"{local_number(sender.rssi_dbm):.0f} dBm"
        age = age_text(sender.received_s) if width >= WIDE else _short_age(sender.received_s)
        table.add_row(*(Text(cell, style=style) for cell in (*cells, *([level] if width >= MIDDLE else []), age)))
    return table


def _counts(sender: SenderLine, width: int) -> list[str]:
    if width < WIDE or sender.phase_expected is None:
        return [f"{sender.phase_packets}"]
    return [_("{n} of {expected}").format(n=sender.phase_packets, expected=round(sender.phase_expected))]


def _short_age(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.0f} s"


def _others(nodes: list[LiveNode]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for node in nodes:
        table.add_row(Text(node.state.device), Text(printable(node_text(node)), style="red" if node.dead else ""))
    return table
