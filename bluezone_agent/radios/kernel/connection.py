"""The agent's end of the broker's socket: requests with answers, and events as they come."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bluezone_agent.radios.kernel import errors as faults
from bluezone_agent.radios.kernel.relay import (
    ANSWER,
    LONGEST_MESSAGE,
    PATH,
    Answered,
    BrokerReply,
    MalformedMessageError,
    Request,
    read_reply,
)

SOCKET: Final = "BLUEZONE_RADIO_SOCKET"
"""Set where the broker listens elsewhere than at :data:`relay.PATH`."""
ANSWER_TIMEOUT_S: Final = 12.0
"""A preparation pauses for up to 2 s, and the kernel answers two commands within 5 s each."""
MOST_AT_ONCE: Final = 16
LEAVING_TIMEOUT_S: Final = 1.5
"""The broker removes what there is and then closes its end: two answers at most within the 5 s of a stop."""


def broker_path() -> str:
    """Return where the broker listens."""
    return os.environ.get(SOCKET, PATH)


def connected() -> socket.socket:
    """Return a socket that is connected to the broker; raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        connection.connect(broker_path())
    except OSError:
        connection.close()
        raise
    return connection


class BrokerConnection:
    """One connection; after a failure it stays unusable."""

    def __init__(self, event: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """``event`` gets every event; ``lost`` is called when the connection has ended by itself."""
        self._event = event
        self._lost = lost
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[bytes] | None = None
        self._ended = asyncio.Event()
        self._socket: socket.socket | None = None

    async def open(self) -> None:
        """Connect; raises RadioUnavailableError."""
        try:
            self.adopt(connected())
        except OSError as error:
            raise faults.no_broker(broker_path(), error) from error

    def adopt(self, connection: socket.socket) -> None:
        """Use a connected socket."""
        self._socket = connection
        asyncio.get_running_loop().add_reader(connection, self._readable)

    async def close(self) -> None:
        """Leave; when this returns, the broker has removed everything, unless it does not answer any more."""
        if self._socket is None:
            return
        if not self._ended.is_set():
            with suppress(OSError, TimeoutError):
                self._socket.shutdown(socket.SHUT_WR)
                async with asyncio.timeout(LEAVING_TIMEOUT_S):
                    await self._ended.wait()
        self._end()
        self._socket.close()
        self._socket = None

    async def ask(self, request: Request) -> BrokerReply:
        """Return the broker's answer; raises RadioUnavailableError when there is none.

        After a request was sent, its answer is awaited even on cancellation: it would be taken for the next one's.
        """
        asking = asyncio.ensure_future(self._ask(request))
        asking.add_done_callback(_retrieved)
        return await asyncio.shield(asking)

    async def _ask(self, request: Request) -> BrokerReply:
        async with self._asking:
            if self._socket is None or self._ended.is_set():
                raise faults.broker_lost()
            self._answer = asyncio.get_running_loop().create_future()
            try:
                self._socket.send(request.to_bytes())
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    return read_reply(await self._answer)
            except TimeoutError as error:
                self._end()
                raise faults.unanswered(request.verb, ANSWER_TIMEOUT_S) from error
            except (OSError, MalformedMessageError) as error:
                self._end()
                raise faults.broker_lost() from error
            finally:
                self._answer = None

    def _readable(self) -> None:
        for _ in range(MOST_AT_ONCE):
            if self._socket is None or self._ended.is_set():
                return
            try:
                packet = self._socket.recv(LONGEST_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._end()
                self._lost()
            elif not packet[0] & ANSWER:
                self._event(packet)
            elif self._answer is not None and not self._answer.done():
                self._answer.set_result(packet)

    def _end(self) -> None:
        if self._socket is None or self._ended.is_set():
            return
        self._ended.set()
        asyncio.get_running_loop().remove_reader(self._socket)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(OSError("the broker has closed the connection"))


def _retrieved(asking: asyncio.Future[BrokerReply]) -> None:
    if not asking.cancelled():
        asking.exception()


def require_done(adapter: str, request: Request, reply: BrokerReply) -> bytes:
    """Return the body of an answer; raises RadioUnavailableError unless the broker did what was asked."""
    if reply.outcome is not Answered.DONE:
        raise faults.refused(adapter, request.verb, reply)
    return reply.body
