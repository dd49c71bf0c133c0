"""``bluezone-agent around``: who is near now, updated each second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import click

from bluezone_agent.app.around import live
from bluezone_agent.app.around_text import CLOSENESS, cautions, headline, last_received, state_text
from bluezone_agent.cli.base import Command, device, option, print_json_line, printable
from bluezone_agent.cli.screens import person_watches, screen_of
from bluezone_agent.cli.watching import DURATION, follow
from bluezone_agent.core.live_line import LiveLine, LiveState
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_number, local_seconds

QUIT_KEYS: Final = b"qQ"

Show = Callable[[LiveLine], None]


@click.command(
    cls=Command,
    answers=LiveLine,
    help=N_(
        "Show who is near now, updated each second: how near each device seems, and when it was last"
        " received. It is gone after 30 s. Nobody can be identified from it, and nothing is stored."
    ),
)
@option("--for", "lasts_s", type=DURATION, metavar="TIME", help=N_("End after this time: 10s, 5m or 1h."))
@option("--json", "as_json", is_flag=True, help=N_("Print one JSON object per second instead of text."))
def around(*, lasts_s: int | None, as_json: bool) -> None:
    """Show each line of the live feed until a key, Ctrl-C or the end of the time."""
    stop = asyncio.Event()
    asyncio.run(follow(live(device()), _shower(as_json=as_json), _quits(stop.set), stop=stop, lasts_s=lasts_s))


def _shower(*, as_json: bool) -> AbstractContextManager[Show]:
    if as_json:
        return nullcontext(print_json_line)
    if not person_watches():
        return nullcontext(_print)
    shown: AbstractContextManager[Show] = screen_of("live_screen")()
    return shown


def _print(line: LiveLine) -> None:
    """Print one line of text."""
    parts = [headline(line)]
    parts += [
        f"{n.pseudonym} {_(CLOSENESS[n.closeness])} {local_number(n.attenuation_db):.0f} dB, {last_received(n)}"
        for n in line.neighbours
    ]
    if line.state is not LiveState.SCANNING:
        parts.insert(0, state_text(line))
    text = "; ".join([*parts, *cautions(line)])
    click.echo(printable(f"{local_seconds(line.at)} {text}"))


def _quits(quit_: Callable[[], None]) -> Callable[[bytes], None]:
    def pressed(keys: bytes) -> None:
        if not keys or set(keys) & set(QUIT_KEYS):
            quit_()

    return pressed
