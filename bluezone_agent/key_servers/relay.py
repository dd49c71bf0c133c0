"""Passes requests to key servers over a Unix socket, from the agent, which has no network, to a process that has it.

One connection carries one request: a JSON object and a newline with ``url``, ``headers`` and ``content`` (base64). The
answer has ``status`` and ``content``, or in ``failure`` why there is none.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.errors import KeyServerError
from bluezone_agent.key_servers.sending import DEADLINE_S, MAX_ANSWER, Send, send_request, unreachable
from bluezone_agent.socket_lines import asked, line

MOST_BYTES: Final = 4 * MAX_ANSWER
"""Of a request or an answer: a server's answer in base64, and more."""
REQUEST_TIMEOUT_S: Final = 5.0


class _RelayedRequest(msgspec.Struct, frozen=True):
    url: str
    headers: dict[str, str]
    content: bytes

    def __repr__(self) -> str:
        return f"_RelayedRequest({self.url!r})"


class _RelayedAnswer(msgspec.Struct, frozen=True):
    status: int = 0
    content: bytes = b""
    failure: str = ""

    def __repr__(self) -> str:
        return f"_RelayedAnswer({self.status})"


class Relay:
    """Has requests sent by the process that listens on a socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, url: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
        """Do what ``send_request`` does; raises KeyServerError."""
        request = _RelayedRequest(url, dict(headers), content)
        try:
            answer = asked(self._path, request, _RelayedAnswer, timeout_s=2 * DEADLINE_S, most_bytes=MOST_BYTES)
        except OSError as error:
            raise unreachable(url, error.strerror or str(error)) from error
        if answer.failure:
            raise unreachable(url, answer.failure)
        return answer.status, answer.content


def serve(listener: socket.socket, servers: Collection[str], send: Send = send_request) -> None:
    """Accept requests to addresses below those of ``servers`` one after the other, and never return."""
    while True:
        connection, _address = listener.accept()
        with connection:
            try:
                answer_one(connection, servers, send)
            except OSError:  # the peer has gone
                continue


def answer_one(connection: socket.socket, servers: Collection[str], send: Send = send_request) -> None:
    """Send what one connection asks for, and answer; raises OSError if the peer has gone."""
    connection.settimeout(REQUEST_TIMEOUT_S)
    try:
        request = msgspec.json.decode(line(connection, MOST_BYTES), type=_RelayedRequest)
    except (msgspec.DecodeError, ValueError):
        answer = _RelayedAnswer(failure="the request can't be read")
    else:
        answer = _sent(request, servers, send)
    connection.sendall(msgspec.json.encode(answer) + b"\n")


def _sent(request: _RelayedRequest, servers: Collection[str], send: Send) -> _RelayedAnswer:
    if not request.url.startswith(tuple(servers)):
        return _RelayedAnswer(failure="it is not the server in [publish]")
    try:
        status, content = send(request.url, request.headers, request.content)
    except KeyServerError as error:
        return _RelayedAnswer(failure=str(error.fields["reason"]))
    return _RelayedAnswer(status, content)
