"""The kernel's management socket: commands with answers, and events as they come."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections import defaultdict, deque
from contextlib import suppress
from typing import Final, Protocol

from bluezone_agent.radios.hci.user_channel import AF_BLUETOOTH, BTPROTO_HCI, bind_channel
from bluezone_agent.radios.kernel.management import (
    LONGEST_PACKET,
    NO_CONTROLLER,
    Completed,
    FoundAdvert,
    ManagementStatus,
    Noticed,
    Opcode,
    command,
    read_event,
    read_found,
)

HCI_CHANNEL_CONTROL: Final = 3
ANSWER_TIMEOUT_S: Final = 5.0
"""The kernel waits 2 s for each command of the controller; an answer needs one or two of them."""
MOST_AT_ONCE: Final = 64
"""Events that are read before anything else gets its turn."""
REST_S: Final = 0.02
"""In a crowd, adverts are read together, this long after one another: waking up costs more than reading one. Changed
settings are noticed that much later, a fifth of a legacy interval; answers are awaited without it."""
SO_RCVBUFFORCE: Final = 33
"""asm-generic/socket.h; beyond the system's limit, for CAP_NET_ADMIN."""
RECEIVE_BUFFER: Final = 1 << 20
"""Holds some 1,300 events: the kernel drops events, changed settings too, when it is full."""


class ManagementError(Exception):
    """The kernel refused a command, or did not answer."""

    def __init__(self, opcode: Opcode, status: int) -> None:
        name = ManagementStatus(status).name if status in set(ManagementStatus) else "status"
        super().__init__(f"{opcode.name}: {name} {status:#04x}")
        self.opcode = opcode
        self.status = status


class Listener(Protocol):
    """The receiver of the kernel's events."""

    def found(self, found: FoundAdvert) -> None:
        """Take one advert."""

    def noticed(self, event: Noticed) -> None:
        """Take any other event."""

    def all_found(self) -> None:
        """There are no more adverts at present."""

    def lost(self) -> None:
        """The socket has ended."""


class ManagementSocket:
    """A bound management socket on the running loop."""

    def __init__(self, bound: socket.socket, listener: Listener) -> None:
        self._socket = bound
        self._listener = listener
        self._waiting: defaultdict[tuple[int, int], deque[asyncio.Future[Completed] | None]] = defaultdict(deque)
        """Command and controller → who waits for its answer, in the order of the commands."""
        self._loop = asyncio.get_running_loop()
        self._resting: asyncio.TimerHandle | None = None
        self._unanswered = 0
        self._loop.add_reader(bound, self._readable)

    async def call(self, opcode: Opcode, index: int = NO_CONTROLLER, parameters: bytes = b"") -> bytes:
        """Send a command and return the parameters of its answer; raises ManagementError."""
        answer: asyncio.Future[Completed] = self._loop.create_future()
        self._send(opcode, index, parameters, answer)
        self._unanswered += 1
        self._rest_no_more()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                completed = await answer
        except TimeoutError as error:
            with suppress(ValueError):  # the kernel forgets some commands (mgmt.c, add_ext_adv_params_complete)
                self._waiting[opcode, index].remove(answer)
            raise ManagementError(opcode, ManagementStatus.TIMEOUT) from error
        finally:
            self._unanswered -= 1
        if completed.status:
            raise ManagementError(opcode, completed.status)
        return completed.parameters

    def send(self, opcode: Opcode, index: int, parameters: bytes) -> None:
        """Send a command at once, whatever its answer; nothing happens if the kernel can't take it."""
        with suppress(ManagementError):
            self._send(opcode, index, parameters, None)

    def _send(self, opcode: Opcode, index: int, parameters: bytes, answer: asyncio.Future[Completed] | None) -> None:
        try:
            self._socket.send(command(opcode, index, parameters))
        except OSError as error:  # the kernel's handler failed; then there is no answer (hci_sock.c, hci_mgmt_cmd)
            off = error.errno == errno.ENETDOWN
            status = ManagementStatus.NOT_POWERED if off else ManagementStatus.FAILED
            raise ManagementError(opcode, status) from error
        self._waiting[opcode, index].append(answer)

    def close(self) -> None:
        """Close it; what it asked for stays in the kernel."""
        if self._resting:
            self._resting.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        """Read what there is; in a crowd, read again after a rest."""
        found = self._read()
        if found:
            self._listener.all_found()
        if found and not self._unanswered:
            if self._resting is None:
                self._loop.remove_reader(self._socket)
            self._resting = self._loop.call_later(REST_S, self._readable)
        else:
            self._rest_no_more()

    def _rest_no_more(self) -> None:
        if self._resting:
            self._resting.cancel()
            self._resting = None
            self._loop.add_reader(self._socket, self._readable)

    def _read(self) -> bool:
        """Take the events that have come; return whether there were adverts."""
        adverts = False
        for _ in range(MOST_AT_ONCE):
            try:
                packet = self._socket.recv(LONGEST_PACKET)
            except BlockingIOError:
                break
            except OSError:
                packet = b""
            if not packet:
                self._rest_no_more()
                self._loop.remove_reader(self._socket)
                self._listener.all_found()
                self._listener.lost()
                return False
            found = read_found(packet)
            if found is not None:
                adverts = True
                self._listener.found(found)
            else:
                self._event(packet)
        return adverts

    def _event(self, packet: bytes) -> None:
        event = read_event(packet)
        if isinstance(event, Noticed):
            self._listener.noticed(event)
        elif isinstance(event, Completed):
            waiting = self._waiting[event.opcode, event.index]
            answer = waiting.popleft() if waiting else None
            if answer is not None and not answer.done():
                answer.set_result(event)


def open_management() -> socket.socket:
    """Return a management socket; with CAP_NET_ADMIN the kernel obeys its commands. Raises OSError."""
    opened = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, BTPROTO_HCI)
    try:
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        bind_channel(opened, struct.pack("<HHH", AF_BLUETOOTH, NO_CONTROLLER, HCI_CHANNEL_CONTROL))
    except BaseException:
        opened.close()
        raise
    return opened
