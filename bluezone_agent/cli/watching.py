"""Following a feed on a terminal until a key, Ctrl-C, the end of the time or of the feed."""

from __future__ import annotations

import asyncio
import codecs
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from typing import Final, TypeVar

from bluezone_agent.cli.durations import Duration
from bluezone_agent.cli.keyboard import pressed_keys
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_

Line = TypeVar("Line")

DURATION: Final = Duration(
    "smhd", 1, DAY_S, N_("{value} is not a duration from 1s to 1d: write for example 10s, 5m or 1h")
)
ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ERASE: Final = "\x7f\x08"
ESCAPE: Final = "\x1b"


async def follow(
    lines: AsyncGenerator[Line, None],
    screen: AbstractContextManager[Callable[[Line], object]],
    pressed: Callable[[bytes], None],
    *,
    stop: asyncio.Event,
    lasts_s: int | None,
    finish: Callable[[], Awaitable[None]] | None = None,
) -> bool:
    """Show each line until ``stop`` is set; return whether the feed ended by itself. Raises what ``lines`` raises.

    ``pressed`` gets keys, empty at the end of the input; ``finish`` is awaited while the feed is still open.
    """
    loop = asyncio.get_running_loop()
    for number in ENDS:
        loop.add_signal_handler(number, stop.set)
    async with aclosing(lines):
        first = await anext(lines)  # its errors come before the screen
        with screen as show, pressed_keys(pressed):
            show(first)

            async def show_each() -> None:
                async for line in lines:
                    show(line)

            showing = asyncio.create_task(show_each())
            stopping = asyncio.create_task(stop.wait())
            done, _pending = await asyncio.wait(
                (showing, stopping), timeout=lasts_s, return_when=asyncio.FIRST_COMPLETED
            )
            if finish is not None:
                await finish()
            for task in (showing, stopping):
                task.cancel()
            await asyncio.wait((showing, stopping))
    if showing not in done:
        return False
    showing.result()
    return True


class Typing:
    """Keys that are commands, and a line of text that one of them begins."""

    def __init__(self, command: Callable[[str], object], typed: Callable[[str], object]) -> None:
        """``command`` gets each key that belongs to no text, ``typed`` each text that was ended by Enter."""
        self._command = command
        self._typed = typed
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self.text: str | None = None
        """What has been typed so far; None while no text is."""

    def begin(self) -> None:
        """Let the next keys be a text."""
        self.text = ""

    def pressed(self, keys: bytes) -> None:
        """Take keys; a letter may come in pieces."""
        for key in self._decoder.decode(keys):
            if self.text is None:
                self._command(key)
            else:
                self._type(self.text, key)

    def _type(self, text: str, key: str) -> None:
        if key in "\r\n":
            self.text = None
            self._typed(text)
        elif key == ESCAPE:
            self.text = None
        elif key in ERASE:
            self.text = text[:-1]
        elif key.isprintable():
            self.text = text + key
