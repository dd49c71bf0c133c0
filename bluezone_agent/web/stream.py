"""What happens now, as server-sent events: one reader of a feed for all browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bluezone_agent.errors import AgentError
from bluezone_agent.i18n import speaking
from bluezone_agent.web.rendering import language_of

Line = TypeVar("Line", bound=msgspec.Struct)

MOST: Final = 8
"""Streams at one time: a browser shares one among its tabs. Of more, the oldest ends."""
AGAIN_S: Final = 5.0
"""After a failure, such as an agent that does not run."""


class Streams(Generic[Line]):
    """The streams that are open, and the one reader that serves them."""

    def __init__(
        self,
        lines: Callable[[], AsyncGenerator[Line, None]],
        in_words: Callable[[Line | AgentError], msgspec.Struct],
        failure: type[AgentError],
    ) -> None:
        """``lines`` reads the feed and raises ``failure``; ``in_words`` makes of both what a page's script shows."""
        self._lines = lines
        self._in_words = in_words
        self._failure = failure
        self._open: dict[asyncio.Queue[Line | AgentError | None], None] = {}
        """What each has still to send, in the order in which they were opened; None ends one."""
        self._wanted = asyncio.Event()

    async def work(self) -> None:
        """Read the feed while a stream is open, until cancelled."""
        while True:
            await self._wanted.wait()
            try:
                async with aclosing(self._lines()) as lines:
                    async for line in lines:
                        self._tell(line)
                        if not self._open:
                            break
                    else:
                        await asyncio.sleep(AGAIN_S)  # the feed has ended
            except self._failure as error:
                self._tell(error)
                await asyncio.sleep(AGAIN_S)

    def _tell(self, news: Line | AgentError) -> None:
        for queue in self._open:
            if queue.full():
                queue.get_nowait()  # a slow reader loses lines
            queue.put_nowait(news)

    def _forget(self, queue: asyncio.Queue[Line | AgentError | None]) -> None:
        """Read the feed no more with the last stream, at once: a feed that has a line ready would be read for ever."""
        self._open.pop(queue, None)
        if not self._open:
            self._wanted.clear()

    def _end(self, queue: asyncio.Queue[Line | AgentError | None]) -> None:
        self._forget(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def end(self) -> None:
        """End all streams: the page stops."""
        for queue in list(self._open):
            self._end(queue)

    async def answer(self, request: Request) -> Response:
        """Open a stream."""
        language = language_of(request, request.query_params.get("language", ""))
        return StreamingResponse(self._events(language), media_type="text/event-stream")

    async def _events(self, language: str) -> AsyncGenerator[bytes, None]:
        queue: asyncio.Queue[Line | AgentError | None] = asyncio.Queue(2)
        while len(self._open) >= MOST:
            self._end(next(iter(self._open)))
        self._open[queue] = None
        self._wanted.set()
        try:
            yield b": open\n\n"
            while (news := await queue.get()) is not None:
                with speaking(language):
                    shown = self._in_words(news)
                yield b"data: " + msgspec.json.encode(shown) + b"\n\n"
        finally:
            self._forget(queue)
