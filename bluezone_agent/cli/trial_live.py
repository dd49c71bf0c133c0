"""``bluezone-agent trial live``: who is received, by every recorder that can be reached, and marks by a key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app.trial_live import live as live_lines
from bluezone_agent.app.trial_live_text import age_text, headline, problems, share_text
from bluezone_agent.app.trial_run import mark
from bluezone_agent.cli.base import PATH, Command, argument, option, print_json_line, printable, say
from bluezone_agent.cli.screens import person_watches, screen_of
from bluezone_agent.cli.watching import DURATION, Typing, follow
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import _, local_seconds, rendered
from bluezone_agent.trials.live_line import ENDED, LiveTrial

DIGITS: Final = "123456789"
SPACE_MARK: Final = "space"
"""The text of a mark by the space bar; that of a digit is the digit."""

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
        self._typing = Typing(self._command, self._typed)
        self._said = ""
        self._line: LiveTrial | None = None
        self._show: Show = lambda _line, _prompt: None
        self._noting: set[asyncio.Task[None]] = set()

    async def follow(self, lasts_s: int | None, shower: AbstractContextManager[Show]) -> None:
        ended = await follow(
            live_lines(self._folder),
            self._screen(shower),
            self._pressed,
            stop=self._stop,
            lasts_s=lasts_s,
            finish=self._finish,
        )
        if ended and self._line and all(node.state.state in ENDED for node in self._line.nodes):
            say(_("every recorder has ended"))

    @contextmanager
    def _screen(self, shower: AbstractContextManager[Show]) -> Iterator[Callable[[LiveTrial], None]]:
        with shower as self._show:
            yield self._update

    async def _finish(self) -> None:
        for task in self._noting:
            task.cancel()

    def _update(self, line: LiveTrial | None = None) -> None:
        self._line = line or self._line
        if self._line is not None:
            typed = self._typing.text
            self._show(self._line, self._said if typed is None else _("mark: {text}").format(text=typed + "_"))
        if line is not None:
            self._said = ""

    def _pressed(self, keys: bytes) -> None:
        if not keys:
            self._stop.set()
        self._typing.pressed(keys)
        self._update()

    def _command(self, key: str) -> None:
        if key in "qQ":
            self._stop.set()
        elif key in "mM":
            self._typing.begin()
        elif key == " " or key in DIGITS:
            self._note(SPACE_MARK if key == " " else key)

    def _typed(self, text: str) -> None:
        if text.strip():
            self._note(text)

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
