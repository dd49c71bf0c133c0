"""Passes notices over a Unix socket, from the agent, which has no network access, to a process that has it.

One connection carries one request: a JSON object and a newline. Its ``kind`` is ``notice`` or ``state``. A notice has
``title`` and ``body``, and in ``but`` the channels that have delivered it already; a state is for Home Assistant. The
answer is an object with ``channels``, all their names; ``delivered``, those that delivered it now; ``failures``, why
others did not; and ``failure``, which is empty unless the request could not be read or the state not published.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.core.device_state import DeviceState
from bluezone_agent.core.notice import DeliveryOutcome, Notice
from bluezone_agent.ports import NoticeChannels
from bluezone_agent.socket_lines import asked, line

MOST_BYTES: Final = 64 * 1024
ANSWER_TIMEOUT_S: Final = 120.0
"""Longer than the timeouts of four channels on the other side."""
STATE_TIMEOUT_S: Final = 5.0
"""A state that waits behind a slow notice is left out: another one follows in a minute."""
REQUEST_TIMEOUT_S: Final = 5.0


class _NoticeRequest(msgspec.Struct, frozen=True, tag_field="kind", tag="notice"):
    title: str
    body: str
    but: tuple[str, ...] = ()


class _StateRequest(msgspec.Struct, frozen=True, tag_field="kind", tag="state"):
    state: DeviceState


class _NoticeAnswer(msgspec.Struct, frozen=True):
    failure: str
    channels: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    failures: dict[str, str] = msgspec.field(default_factory=dict)


class SocketChannels:
    """The channels of the process that listens on a socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def deliver(self, notice: Notice, but: Collection[str] = ()) -> DeliveryOutcome:
        """Have the notice delivered; raises OSError if nothing listens, or the other side can't read it."""
        request = _NoticeRequest(notice.title, notice.body, tuple(sorted(but)))
        answer = _answer(self._path, request, ANSWER_TIMEOUT_S)
        return DeliveryOutcome(answer.channels, answer.failures, answer.delivered)


class SocketStates:
    """Has the device's state published by the process that listens on a socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def publish(self, state: DeviceState) -> None:
        """Have a state published; raises OSError."""
        _answer(self._path, _StateRequest(state), STATE_TIMEOUT_S)


def _answer(path: Path, request: msgspec.Struct, timeout_s: float) -> _NoticeAnswer:
    answer = asked(path, request, _NoticeAnswer, timeout_s=timeout_s, most_bytes=MOST_BYTES)
    if answer.failure:
        raise OSError(answer.failure)
    return answer


Publish = Callable[[DeviceState], None]


def nowhere(_state: DeviceState) -> None:
    """Publish a state nowhere: this process has no broker."""


def serve(listener: socket.socket, channels: NoticeChannels, publish: Publish = nowhere) -> None:
    """Accept notices and states one after the other and never return."""
    while True:
        connection, _address = listener.accept()
        with connection:
            try:
                answer_one(connection, channels, publish)
            except OSError:  # the peer has gone; it will retry
                continue


def answer_one(connection: socket.socket, channels: NoticeChannels, publish: Publish = nowhere) -> None:
    """Do what one connection asks for and answer what became of it. Raises OSError if the peer has gone."""
    connection.settimeout(REQUEST_TIMEOUT_S)
    try:
        request = msgspec.json.decode(line(connection, MOST_BYTES), type=_NoticeRequest | _StateRequest)
        if isinstance(request, _StateRequest):
            publish(request.state)
            answer = _NoticeAnswer("")
        else:
            outcome = channels.deliver(Notice(request.title, request.body), request.but)
            answer = _NoticeAnswer("", outcome.channels, outcome.delivered, dict(outcome.failures))
    except msgspec.DecodeError:
        answer = _NoticeAnswer("the request is not a notice")
    except OSError as error:
        answer = _NoticeAnswer(str(error) or type(error).__name__)
    connection.sendall(msgspec.json.encode(answer) + b"\n")
