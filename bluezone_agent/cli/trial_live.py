"""``bluezone-agent trial live``: who is received, by every recorder that can be reached, and marks by a key."""

from __future__ import annotations

import asyncio
import codecs
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app.trial_live import live as follow
from bluezone_agent.app.trial_live_text import age_text, headline, problems, share_text
from bluezone_agent.app.trial_run import mark
from bluezone_agent.cli.base import PATH, Command, argument, option, print_json_line, printable, say
from bluezone_agent.cli.durations import Duration
from bluezone_agent.cli.keyboard import pressed_keys
from bluezone_agent.cli.screens import person_watches, screen_of
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import _, local_seconds, rendered
from bluezone_agent.trials.live_line import ENDED, LiveTrial

DURATION: Final = Duration(
    "smhd", 1, DAY_S, N_("{value} is not a duration from 1s to 1d: write for example 10s, 5m or 1h")
)
ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DIGITS: Final = "123456789"
SPACE_MARK: Final = "space"
"""The text of a mark by the space bar; that of a digit is the digit."""
ERASE: Final = "\x7f\x08"
ESCAPE: Final = "\x1b"

Show = Callable[[LiveTrial, str], None]


@click.command(
    cls=Command,
    answers=LiveTrial,
    help=N_(
        "Watch the trial in DIR while it is recorded: the phase, whom each device receives and how much of what the"
        " plan lets it expect, devices that fell silent, clocks and marks. A key makes a mark. It shows the recorders"
        " on this machine, and those of all devices if the plan names an MQTT broker."
    ),
)
@argument("folder", metavar="DIR", type=PATH)
@option("--node", metavar="NAME", help=N_("Device of which everything is shown; else the first on this machine."))
@option("--for", "lasts_s", type=DURATION, metavar="TIME", help=N_("End after this time: 10s, 5m or 1h."))
@option("--json", "as_json", is_flag=True, help=N_("Print one JSON object per second instead of text."))
def live(*, folder: Path, node: str | None, lasts_s: int | None, as_json: bool) -> None:
    """Show each line until a key, Ctrl-C, the end of the time or of the trial."""
    asyncio.run(_Session(folder).follow(lasts_s, _shower(node, as_json=as_json)))


class _Session:
    """One look at a trial: the last line, and what is being typed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stop = asyncio.Event()
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._typed: str | None = None
        self._said = ""
        self._line: LiveTrial | None = None
        self._show: Show = lambda _line, _prompt: None
        self._noting: set[asyncio.Task[None]] = set()

    async def follow(self, lasts_s: int | None, shower: AbstractContextManager[Show]) -> None:
        loop = asyncio.get_running_loop()
        for number in ENDS:
            loop.add_signal_handler(number, self._stop.set)
        async with aclosing(follow(self._folder)) as lines:
            first = await anext(lines)  # its errors come before the screen
            with shower as self._show, pressed_keys(self._pressed):
                self._update(first)

                async def show_each() -> None:
                    async for line in lines:
                        self._update(line)

                showing = asyncio.create_task(show_each())
                stopping = asyncio.create_task(self._stop.wait())
                done, _pending = await asyncio.wait(
                    (showing, stopping), timeout=lasts_s, return_when=asyncio.FIRST_COMPLETED
                )
                for task in (showing, stopping, *self._noting):
                    task.cancel()
                await asyncio.wait((showing, stopping))
        if showing in done:
            showing.result()
            if self._line and all(node.state.state in ENDED for node in self._line.nodes):
                say(_("every recorder has ended"))

    def _update(self, line: LiveTrial | None = None) -> None:
        self._line = line or self._line
        if self._line is not None:
            prompt = self._said if self._typed is None else _("mark: {text}").format(text=self._typed + "_")
            self._show(self._line, prompt)
        if line is not None:
            self._said = ""

    def _pressed(self, keys: bytes) -> None:
        if not keys:
            self._stop.set()
        for key in self._decoder.decode(keys):
            if self._typed is None:
                self._command(key)
            else:
                self._type(key)
        self._update()

    def _command(self, key: str) -> None:
        if key in "qQ":
            self._stop.set()
        elif key in "mM":
            self._typed = ""
        elif key == " " or key in DIGITS:
            self._note(SPACE_MARK if key == " " else key)

    def _type(self, key: str) -> None:
        typed = self._typed or ""
        if key in "\r\n":
            self._typed = None
            if typed.strip():
                self._note(typed)
        elif key == ESCAPE:
            self._typed = None
        elif key in ERASE:
            self._typed = typed[:-1]
        elif key.isprintable():
            self._typed = typed + key

    def _note(self, text: str) -> None:
        task = asyncio.create_task(self._noted(text))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _noted(self, text: str) -> None:
        try:
            done = await asyncio.to_thread(mark, self._folder, text)
            self._said = _("noted by {devices}").format(devices=", ".join(done.devices))
        except AgentError as error:
            self._said = rendered(error)[0]
        self._update()


def _shower(node: str | None, *, as_json: bool) -> AbstractContextManager[Show]:
    if as_json:
        return nullcontext(lambda line, _prompt: print_json_line(line))
    if not person_watches():
        return nullcontext(lambda line, _prompt: _print(line, node))
    shown: AbstractContextManager[Show] = screen_of("trial_screen")(node)
    return shown


def _print(line: LiveTrial, node: str | None) -> None:
    """Print one line of text."""
    shown = next((each for each in line.nodes if each.state.device == node), None) or next(iter(line.nodes), None)
    parts = [_("{trial}: no recorder has reported yet").format(trial=line.trial)]
    if shown is not None:
        parts = [headline(shown.state)]
        parts += [
            " ".join(filter(None, (s.device, share_text(s), age_text(s.received_s)))) for s in shown.state.senders
        ]
    click.echo(printable(f"{local_seconds(line.at)} {'; '.join([*parts, *problems(line)])}"))
