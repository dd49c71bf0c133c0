"""A notice handed to another process over a Unix socket: from the agent, which has no network, to one that has.

One connection carries one notice: a JSON object with ``title`` and ``body`` and a newline, answered by one with
``failure``, empty where the notice was delivered.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.core.notice import Notice

MOST_BYTES: Final = 64 * 1024
ANSWER_TIMEOUT_S: Final = 60.0
"""Beyond that of the command that the other side runs."""
REQUEST_TIMEOUT_S: Final = 5.0


class _NoticeRequest(msgspec.Struct, frozen=True):
    title: str
    body: str


class _NoticeAnswer(msgspec.Struct, frozen=True):
    failure: str


class SocketNotifier:
    """Hands notices over to whoever listens on a socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def notify(self, notice: Notice) -> None:
        """Have the notice delivered; raises OSError when nobody listens, or the other side could not deliver it."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect(str(self._path))
            connection.sendall(msgspec.json.encode(_NoticeRequest(notice.title, notice.body)) + b"\n")
            try:
                answer = msgspec.json.decode(_line(connection), type=_NoticeAnswer)
            except msgspec.DecodeError as error:
                raise OSError(f"no answer from {self._path}") from error
        if answer.failure:
            raise OSError(answer.failure)


def serve(listener: socket.socket, deliver: Callable[[Notice], None]) -> None:
    """Take notices one after the other, for ever; ``deliver`` raises OSError when it can't be done."""
    while True:
        connection, _address = listener.accept()
        with connection:
            try:
                answer_one(connection, deliver)
            except OSError:  # the other side has gone; it asks again
                continue


def answer_one(connection: socket.socket, deliver: Callable[[Notice], None]) -> None:
    """Deliver one connection's notice and say whether that was done. Raises OSError when the other side has gone."""
    connection.settimeout(REQUEST_TIMEOUT_S)
    try:
        request = msgspec.json.decode(_line(connection), type=_NoticeRequest)
        deliver(Notice(request.title, request.body))
        failure = ""
    except msgspec.DecodeError:
        failure = "the request is not a notice"
    except OSError as error:
        failure = str(error) or type(error).__name__
    connection.sendall(msgspec.json.encode(_NoticeAnswer(failure)) + b"\n")


def _line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n") and len(received) <= MOST_BYTES:
        if not (part := connection.recv(4096)):
            break
        received += part
    return bytes(received)
