"""``bluezone-agent gate``: the kiosk for the guard of a door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import click

from bluezone_agent.app import door as doors
from bluezone_agent.app import door_text as words
from bluezone_agent.app.device import Device
from bluezone_agent.app.door import GateLine
from bluezone_agent.cli.base import Group, Lazy, device, option, print_json_line, printable, say
from bluezone_agent.cli.screens import person_watches, screen_of
from bluezone_agent.cli.watching import DURATION, Typing, follow
from bluezone_agent.core.door import Direction, DoorNow, DoorState
from bluezone_agent.core.live_line import LiveLine
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import _, local_seconds, rendered

LAST_KEY_S: Final = 5.0
"""How long the end waits for what the keys before it asked for."""

Show = Callable[[LiveLine, DoorNow, str], None]


@click.group(
    cls=Group,
    answers=GateLine,
    invoke_without_command=True,
    help=N_(
        "Count people at a door, and who of them has a device that broadcasts: each holds it near, about 30 cm, until"
        " the screen is green. Keys: n counts somebody without a device, u takes the last one back, d turns between in"
        " and out, l labels the last one (only for a purpose that the configuration states), c calibrates, q ends. The"
        " running agent counts; no identifier is kept."
    ),
    lazy={
        "report": Lazy("gate_report:report", N_("Show the figures by hour and day")),
        "calibrate": Lazy("gate_report:calibrate", N_("Measure what is near at this door")),
        "forget": Lazy("gate_report:forget", N_("Delete what is kept of the door")),
    },
)
@option(
    "--direction",
    type=click.Choice([direction.value for direction in Direction]),
    metavar="in|out",
    help=N_("Count who comes in, or who goes out (default: in)."),
)
@option("--for", "lasts_s", type=DURATION, metavar="TIME", help=N_("End after this time: 10s, 5m or 1h."))
@option("--silent", is_flag=True, help=N_("No tone when somebody is counted."))
@option("--json", "as_json", is_flag=True, help=N_("Print a JSON object per second, and at each change, not text."))
@click.pass_context
def gate(ctx: click.Context, *, direction: str | None, lasts_s: int | None, silent: bool, as_json: bool) -> None:
    """Open the door until a key, Ctrl-C or the end of the time."""
    if ctx.invoked_subcommand is None:
        session = _Guard(device(), silent=silent or as_json)
        asyncio.run(session.follow(Direction(direction) if direction else None, lasts_s, _shower(as_json=as_json)))


class _Guard:
    """One guard at a terminal: the last line, and what is being typed."""

    def __init__(self, owner: Device, *, silent: bool) -> None:
        self._owner = owner
        self._silent = silent
        self._stop = asyncio.Event()
        self._typing = Typing(self._command, self._typed)
        self._said = ""
        self._line: LiveLine | None = None
        self._show: Show = lambda _line, _door, _prompt: None
        self._asking: set[asyncio.Task[None]] = set()
        self._in_turn = asyncio.Lock()

    async def follow(
        self, direction: Direction | None, lasts_s: int | None, shower: AbstractContextManager[Show]
    ) -> None:
        await follow(
            doors.gate(self._owner, direction),
            self._screen(shower),
            self._pressed,
            stop=self._stop,
            lasts_s=lasts_s,
            finish=self._finish,
        )

    @contextmanager
    def _screen(self, shower: AbstractContextManager[Show]) -> Iterator[Callable[[LiveLine], None]]:
        with shower as self._show:
            yield self._update

    async def _finish(self) -> None:
        if self._asking:
            await asyncio.wait(self._asking, timeout=LAST_KEY_S)

    def _update(self, line: LiveLine | None = None) -> None:
        before, self._line = self._line, line or self._line
        if self._line is None or self._line.door is None:
            return
        if self._is_new_green(before, self._line):
            click.echo("\a", nl=False, err=True)
        typed = self._typing.text
        prompt = self._said if typed is None else _("label: {text}").format(text=typed + "_")
        self._show(self._line, self._line.door, prompt)
        if line is not None:
            self._said = ""

    def _is_new_green(self, before: LiveLine | None, line: LiveLine) -> bool:
        if self._silent or line.door is None or line.door.state is not DoorState.GREEN or not person_watches():
            return False
        old = before.door.last if before and before.door else None
        return line.door.last is not None and line.door.last != old

    def _pressed(self, keys: bytes) -> None:
        if not keys:
            self._stop.set()
        self._typing.pressed(keys)
        self._update()

    def _command(self, key: str) -> None:
        if key in "qQ":
            self._stop.set()
        elif key in "lL":
            self._typing.begin()
        elif (act := ACTS.get(key.lower())) is not None:
            self._ask(act)

    def _typed(self, text: str) -> None:
        self._ask(lambda owner: doors.label(owner, text))

    def _ask(self, act: Callable[[Device], None]) -> None:
        task = asyncio.create_task(self._asked(act))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _asked(self, act: Callable[[Device], None]) -> None:
        try:
            async with self._in_turn:
                await asyncio.to_thread(act, self._owner)
        except AgentError as error:
            self._said = rendered(error)[0]
            self._update()


ACTS: Final[dict[str, Callable[[Device], None]]] = {
    "n": doors.no_device,
    "u": doors.undo,
    "d": doors.turn,
    "c": doors.calibrate,
}


def _shower(*, as_json: bool) -> AbstractContextManager[Show]:
    if as_json:
        return nullcontext(_Json())
    if not person_watches():
        return nullcontext(_print)
    shown: AbstractContextManager[Show] = screen_of("gate_screen")()
    return shown


class _Json:
    """Prints lines, and says once what they can't: why the radio is too slow."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, line: LiveLine, door: DoorNow, _prompt: str) -> None:
        if not self._said and not door.radio_fast:
            self._said = True
            for text in words.cautions(line, door):
                say(text)
        print_json_line(GateLine(at=line.at, radio=line.state, door=door))


def _print(line: LiveLine, door: DoorNow, _prompt: str) -> None:
    """Print one line of text."""
    parts = [words.state(door), *words.counted(door), *words.cautions(line, door)]
    click.echo(printable(f"{local_seconds(line.at)} {'; '.join(parts)}"))
