"""The screen of a door's guard: a field of one colour with a picture in it, readable at two metres, and the counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.align import Align
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from bluezone_agent.app import door_text as words
from bluezone_agent.cli.streams import has_letter
from bluezone_agent.cli.talk import printable
from bluezone_agent.core.door import DoorNow, DoorState
from bluezone_agent.core.live_line import LiveLine
from bluezone_agent.i18n import _, local_seconds

COLOURS: Final = {
    DoorState.WAITING: "white on blue",
    DoorState.APPROACHING: "black on yellow",
    DoorState.GREEN: "black on green",
    DoorState.ONE_AT_A_TIME: "white on red",
    DoorState.ALREADY_COUNTED: "black on cyan",
}
PICTURES: Final = {
    DoorState.WAITING: (" ##### ", " #   # ", " #   # ", " #   # ", " # # # ", " ##### "),
    DoorState.APPROACHING: ("   #   ", "  ###  ", " # # # ", "   #   ", "   #   ", "   #   "),
    DoorState.GREEN: ("      #", "     # ", "#   #  ", " # #   ", "  #    ", "       "),
    DoorState.ONE_AT_A_TIME: ("   #   ", "  ##   ", "   #   ", "   #   ", "   #   ", "  ###  "),
    DoorState.ALREADY_COUNTED: ("       ", "#######", "       ", "       ", "#######", "       "),
}
"""A phone, an arrow, a tick, a one, an equals picture."""
BLOCK: Final = ("█", "#")
"""What a picture is made of, and what replaces it where the encoding lacks it."""
LEAST: Final = 3
"""Lines of the field at least."""
TOP_AND_BOTTOM: Final = 4
"""Lines of the field above and below its picture and words."""

Show = Callable[[LiveLine, DoorNow, str], None]


@contextmanager
def screen() -> Iterator[Show]:
    """Yield a function that shows a line, and what is being typed, on the whole terminal."""
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        yield lambda line, door, prompt: live.update(view(line, door, console, prompt=prompt), refresh=True)


def view(line: LiveLine, door: DoorNow, console: Console, *, prompt: str = "") -> Group:
    """Return what is shown on a terminal of the console's size."""
    keys = _("n: no device; u: undo; d: in or out; l: label; c: calibrate; q: end")
    below = [
        *(Text(printable(text), style="bold") for text in words.counted(door)),
        *(Text(printable(f"! {text}"), style="yellow") for text in words.cautions(line, door)),
        Text(printable(prompt), style="bold") if prompt else Text(keys, style="dim"),
    ]
    while (room := console.height - 1 - sum(len(t.wrap(console, console.width)) for t in below)) < LEAST and below:
        below.pop()  # the keys first
    height = max(LEAST, room)
    return Group(_field(line, door, console, height), *below)


def _field(line: LiveLine, door: DoorNow, console: Console, height: int) -> Panel:
    style = COLOURS[door.state] if door.calibration is None else "black on white"
    text = Text(printable(words.state(door)), style="bold", justify="center")
    shown: list[Text] = [text]
    if door.calibration is None:
        shown = [*_picture(door.state, console.width, height - TOP_AND_BOTTOM), text]
    title = f"{local_seconds(line.at)}  {_(words.DIRECTIONS[door.direction])}"
    return Panel(
        Align.center(Group(*shown), vertical="middle"), title=Text(title), style=style, height=height, padding=0
    )


def _picture(state: DoorState, width: int, height: int) -> list[Text]:
    """Return the picture as large as fits; none where it does not fit."""
    rows = PICTURES[state]
    size = min(height // len(rows), width // (2 * len(rows[0]) + 4))
    block = next((letter for letter in BLOCK if has_letter(letter)), BLOCK[-1])
    lines = ["".join((block if cell == "#" else " ") * 2 * size for cell in row) for row in rows for _n in range(size)]
    return [Text(text, justify="center") for text in lines]
