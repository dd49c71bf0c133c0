"""The kernel's HCI user channel: an adapter as a file of HCI packets, for one program exclusively (Linux 3.13).

bumble has one too; this one works without a Python built with Bluetooth, and reports when the adapter is gone.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import socket
import struct
from typing import Final, Protocol

AF_BLUETOOTH: Final = 31
BTPROTO_HCI: Final = 1
HCI_CHANNEL_USER: Final = 1
LONGEST_PACKET: Final = 4096
SETTING_UP_S: Final = 3
"""The kernel uses a new adapter itself at first: it sets it up, within 2 s on USB."""


class PacketSink(Protocol):
    """The receiver of the controller's packets."""

    def on_packet(self, packet: bytes) -> None:
        """Take one HCI packet."""

    def on_transport_lost(self) -> None:
        """There will be no further packet."""


class UserChannel:
    """An adapter opened exclusively; it is bumble's transport, source and sink in one."""

    def __init__(self, number: int) -> None:
        """Open ``hci{number}``, which must be down; raises OSError."""
        self.source = self.sink = self
        self._packets: PacketSink | None = None
        self._socket = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_NONBLOCK, BTPROTO_HCI)
        try:
            bind_channel(self._socket, struct.pack("<HHH", AF_BLUETOOTH, number, HCI_CHANNEL_USER))
            asyncio.get_running_loop().add_reader(self._socket, self._readable)
        except BaseException:
            self._socket.close()
            raise

    def set_packet_sink(self, sink: PacketSink) -> None:
        """Pass the controller's packets to ``sink`` from now on."""
        self._packets = sink

    def on_packet(self, packet: bytes) -> None:
        """Send one packet to the controller; raises OSError when it is gone."""
        self._socket.send(packet)

    async def close(self) -> None:
        """Release the adapter; the kernel resets it."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        try:
            packet = self._socket.recv(LONGEST_PACKET)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if packet and self._packets:
            self._packets.on_packet(packet)
        elif not packet:
            asyncio.get_running_loop().remove_reader(self._socket)
            if self._packets:
                self._packets.on_transport_lost()


async def open_user_channel(number: int) -> UserChannel:
    """Open ``hci{number}``, even if it was plugged in just now; raises OSError."""
    for _ in range(10 * SETTING_UP_S):
        try:
            return UserChannel(number)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            await asyncio.sleep(0.1)
    return UserChannel(number)


def bind_channel(sock: socket.socket, address: bytes) -> None:
    """Bind to a controller's channel through libc: Python's own bind accepts no channel before 3.14. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).bind(sock.fileno(), address, len(address)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
