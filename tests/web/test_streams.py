"""The one reader of a feed, between streams that open and end at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from bluezone_agent.errors import AgentError
from bluezone_agent.web.stream import MOST, Streams

MOST_LINES = 1_000


class Line(msgspec.Struct, frozen=True):
    """A line of the feed."""

    number: int


class TooManyLinesError(Exception):
    """The feed was read on and on while nothing else could run."""


class ReadyLines:
    """A feed that has a line ready, as a socket may have; after one line it waits for the next."""

    def __init__(self) -> None:
        self.read = 0

    async def lines(self) -> AsyncGenerator[Line, None]:
        self.read += 1
        if self.read > MOST_LINES:
            raise TooManyLinesError
        yield Line(self.read)
        while True:
            await asyncio.sleep(0)
            self.read += 1
            yield Line(self.read)


def shown(news: Line | AgentError) -> msgspec.Struct:
    assert isinstance(news, Line)
    return news


async def play(turns: list[tuple[int, int]]) -> int:
    """Open some streams, let the loop turn some times, and end all, for each of ``turns``; return the lines read."""
    ready = ReadyLines()
    streams = Streams(ready.lines, shown, AgentError)
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(streams.work())
        for opened, waits in turns:
            async with AsyncExitStack() as stack:
                for _ in range(opened):
                    stream = await stack.enter_async_context(aclosing(streams._events("en")))
                    assert await anext(stream) == b": open\n\n"
                await turn(waits)
                streams.end()
                await turn(1)
                read = ready.read
                await turn(2)
                assert ready.read <= read + 1, "the feed is read though no stream is open"
        working.cancel()
    return ready.read


async def turn(times: int) -> None:
    """Let the event loop do what it has to do."""
    for _ in range(times):
        await asyncio.sleep(0)


@given(st.lists(st.tuples(st.integers(1, MOST + 2), st.integers(0, 6)), min_size=1, max_size=4))
@example([(1, 0)])
@example([(1, 3), (MOST + 1, 2)])
def test_a_feed_is_read_only_while_a_stream_is_open(turns: list[tuple[int, int]]) -> None:
    assert asyncio.run(play(turns)) <= MOST_LINES


def test_a_stream_that_is_open_has_the_newest_line() -> None:
    async def first_lines() -> list[bytes]:
        streams = Streams(ReadyLines().lines, shown, AgentError)
        working = asyncio.create_task(streams.work())
        async with aclosing(streams._events("en")) as stream:
            found = [await anext(stream) for _ in range(3)]
        working.cancel()
        return found

    opened, *lines = asyncio.run(first_lines())
    assert opened == b": open\n\n"
    assert [line[:17] for line in lines] == [b'data: {"number":1', b'data: {"number":2']
