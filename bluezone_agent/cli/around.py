"""``bluezone-agent around``: who is near now, updated each second."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Final

import click

from bluezone_agent.app.around import live
from bluezone_agent.app.around_text import CLOSENESS, cautions, headline, last_received, state_text
from bluezone_agent.app.device import Device
from bluezone_agent.cli.base import Command, device, option, print_json_line, printable
from bluezone_agent.cli.durations import Duration
from bluezone_agent.cli.keyboard import pressed_keys
from bluezone_agent.cli.screens import person_watches, screen_of
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.live_line import LiveLine, LiveState
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_number, local_seconds

DURATION: Final = Duration(
    "smhd", 1, DAY_S, N_("{value} is not a duration from 1s to 1d: write for example 10s, 5m or 1h")
)
ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
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
    asyncio.run(_follow(device(), lasts_s, as_json=as_json))


async def _follow(owner: Device, lasts_s: int | None, *, as_json: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in ENDS:
        loop.add_signal_handler(number, stop.set)
    async with aclosing(live(owner)) as lines:
        first = await anext(lines)  # its errors come before the screen
        with _shower(as_json=as_json) as show, pressed_keys(_quits(stop.set)):
            show(first)

            async def show_each() -> None:
                async for line in lines:
                    show(line)

            showing = asyncio.create_task(show_each())
            stopping = asyncio.create_task(stop.wait())
            done, _pending = await asyncio.wait(
                (showing, stopping), timeout=lasts_s, return_when=asyncio.FIRST_COMPLETED
            )
            for task in (showing, stopping):
                task.cancel()
            await asyncio.wait((showing, stopping))
    if showing in done:
        showing.result()


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
