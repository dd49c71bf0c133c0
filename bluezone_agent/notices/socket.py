"""Passes notices over a Unix socket, from the agent, which has no network access, to a process that has it.

One connection carries one notice: a JSON object with ``title`` and ``body`` and a newline. The answer is an object
with ``failure``, which is empty if the notice was delivered.
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
"""Longer than the timeout of the command that the other side runs."""
REQUEST_TIMEOUT_S: Final = 5.0


class _NoticeRequest(msgspec.Struct, frozen=True):
    title: str
    body: str


class _NoticeAnswer(msgspec.Struct, frozen=True):
    failure: str


class SocketNotifier:
    """Passes notices to the process that listens on a socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def notify(self, notice: Notice) -> None:
        """Have the notice delivered; raises OSError if nothing listens, or if the other side could not deliver it."""
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
    """Accept notices one after the other and never return; ``deliver`` raises OSError if it fails."""
    while True:
        connection, _address = listener.accept()
        with connection:
            try:
                answer_one(connection, deliver)
            except OSError:  # the peer has gone; it will retry
                continue


def answer_one(connection: socket.socket, deliver: Callable[[Notice], None]) -> None:
    """Deliver the notice of one connection and answer whether it was delivered. Raises OSError if the peer has gone."""
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
