"""The live feed: a Unix socket from which the owner's programs read one JSON line a second while they are connected,
and one as soon as the state of an open door changes.

Nothing is done while nobody reads. A reader that is too slow loses lines; it delays neither the agent nor others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.core.live_line import LiveLine, LiveRefused
from bluezone_agent.daemon.unix_socket import OWNER_AND_GROUP, listen
from bluezone_agent.paths import runtime_path

SOCKET_NAME: Final = "live.sock"
EVERY_S: Final = 1.0
LEAST_S: Final = 0.1
"""Between two lines, whatever strangers send to an open door."""
MOST_READERS: Final = 16
"""At one time: a terminal, the web page and some programs of the owner's own."""
WAITING_LINES: Final = 2
"""For a reader: what it missed is old, so the newest lines are kept. A line has up to 200 kB."""


class LiveFeed:
    """Its readers, and the lines that wait for each."""

    def __init__(self, look: Callable[[], LiveLine]) -> None:
        """``look`` returns the present line."""
        self._look = look
        self._waiting: dict[asyncio.Event, deque[bytes]] = {}
        """By reader: set when a line was added."""
        self._read = asyncio.Event()
        """Whether anybody reads."""
        self._hurried = asyncio.Event()
        """Whether a line is to be made before its second."""
        self._newest = b""
        """The newest line, at most a second old; empty while nobody reads."""

    async def serve(self, state_dir: Path, page_folder: Path | None = None) -> None:
        """Serve readers until cancelled, in the folder of the owner's page too, if there is one.

        Only the agent that holds the state's lock may call this.
        """
        async with asyncio.TaskGroup() as workers:
            lines = workers.create_task(self._make_lines())
            async with asyncio.TaskGroup() as sockets:
                sockets.create_task(listen(runtime_path(state_dir) / SOCKET_NAME, self._connected))
                if page_folder is not None:
                    sockets.create_task(listen(page_folder / SOCKET_NAME, self._connected, OWNER_AND_GROUP))
            lines.cancel()

    def hurry(self) -> None:
        """Make a line now rather than at the next second."""
        self._hurried.set()

    async def _make_lines(self) -> None:
        while True:
            await self._read.wait()
            self._hurried.clear()
            self._newest = msgspec.json.encode(self._look()) + b"\n"
            for added, waiting in self._waiting.items():
                waiting.append(self._newest)
                added.set()
            await asyncio.sleep(LEAST_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S - LEAST_S):
                    await self._hurried.wait()

    async def _connected(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):  # the reader is gone
                if len(self._waiting) < MOST_READERS:
                    await self._send_lines(writer)
                else:
                    refused = LiveRefused(refused=f"it already has {MOST_READERS} readers")
                    writer.write(msgspec.json.encode(refused) + b"\n")
                    await writer.drain()
        finally:
            writer.close()

    async def _send_lines(self, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # wait for each line to be sent, so that none pile up
        added, waiting = asyncio.Event(), deque[bytes](maxlen=WAITING_LINES)
        if self._newest:  # else it is about to be made
            waiting.append(self._newest)
            added.set()
        self._waiting[added] = waiting
        self._read.set()
        try:
            while True:
                await added.wait()
                added.clear()
                while waiting:
                    writer.write(waiting.popleft())
                    await writer.drain()
        finally:
            writer.transport.abort()  # what the reader has not read by now, it need not read
            del self._waiting[added]
            if not self._waiting:
                self._read.clear()
                self._newest = b""
