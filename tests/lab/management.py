"""The kernel's management socket, for scenarios: what another program of the machine may ask of an adapter.

BlueZ's doc/mgmt-api.txt. It is independent of the agent's own radios, so that they can be judged by it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

AF_BLUETOOTH, BTPROTO_HCI = 31, 1
NO_INDEX, CONTROL_CHANNEL = 0xFFFF, 3
COMMAND_COMPLETE, COMMAND_STATUS = 0x0001, 0x0002
ADD_DEVICE, REMOVE_DEVICE = 0x0033, 0x0034
READ_CONFIGURATION, SET_CONFIGURATION = 0x004B, 0x004C
ADD_MONITOR, REMOVE_MONITOR, ADD_MONITOR_RSSI = 0x0052, 0x0053, 0x0056
DEVICE_FOUND, MONITOR_DEVICE_FOUND = 0x0012, 0x002F
MONITOR_INTERVAL, MONITOR_WINDOW, INTERLEAVE = 0x0013, 0x0014, 0x001F
"""Types of the default system configuration: the scan of a monitor in 0.625 ms, and whether it alternates (u8)."""
LE_RANDOM: Final = 2
AUTO_CONNECT: Final = 2
ABSENT: Final = bytes.fromhex("c0ffee0000ff")[::-1]
"""A static random address that nobody in the lab has."""
ANSWER_S: Final = 10
SERVICE_DATA: Final = 0x16
GAEN: Final = b"\x6f\xfd"


class ManagementError(Exception):
    """A command was refused; the status is that of doc/mgmt-api.txt."""


class Management:
    """A management socket. Every event goes to ``event(code, index, parameters)``."""

    def __init__(self, event: Callable[[int, int, bytes], None] = lambda *_: None) -> None:
        self._event = event
        self._answer: asyncio.Future[tuple[int, int, bytes]] | None = None
        self._socket = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW | socket.SOCK_NONBLOCK, BTPROTO_HCI)
        address = struct.pack("<HHH", AF_BLUETOOTH, NO_INDEX, CONTROL_CHANNEL)
        libc = ctypes.CDLL(None, use_errno=True)  # socket.bind knows no channel before Python 3.14
        if libc.bind(self._socket.fileno(), address, len(address)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Close the socket; what it asked for stays."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        packet = self._socket.recv(4096)
        code, index, _ = struct.unpack_from("<HHH", packet)
        if code in (COMMAND_COMPLETE, COMMAND_STATUS) and self._answer is not None:
            opcode, status = struct.unpack_from("<HB", packet, 6)
            self._answer.set_result((opcode, status, packet[9:]))
            self._answer = None
        else:
            self._event(code, index, packet[6:])

    async def call(self, opcode: int, index: int, parameters: bytes = b"") -> bytes:
        """Return what the kernel answers; raises ManagementError."""
        self._answer = asyncio.get_running_loop().create_future()
        self._socket.send(struct.pack("<HHH", opcode, index, len(parameters)) + parameters)
        async with asyncio.timeout(ANSWER_S):
            answered, status, answer = await self._answer
        if answered != opcode or status:
            raise ManagementError(f"command 0x{opcode:04x} on hci{index}: status 0x{status:02x}")
        return answer

    async def add_monitor(self, index: int, sampling: int | None = None) -> int:
        """Monitor Exposure Notification's service data; return the handle. ``sampling``: every N times 100 ms."""
        pattern = struct.pack("<BBBB", 1, SERVICE_DATA, 0, len(GAEN)) + GAEN.ljust(31, b"\0")
        if sampling is None:
            answer = await self.call(ADD_MONITOR, index, pattern)
        else:
            rssi = struct.pack("<bHbHB", -127, 0, -127, 60, sampling)
            answer = await self.call(ADD_MONITOR_RSSI, index, rssi + pattern)
        return int(struct.unpack_from("<H", answer)[0])

    async def remove_monitor(self, index: int, handle: int) -> None:
        """Remove a monitor."""
        await self.call(REMOVE_MONITOR, index, struct.pack("<H", handle))

    async def set_scan(self, index: int, window: int, interval: int) -> None:
        """Set the scan of monitors, in units of 0.625 ms; it holds from the next scan on."""
        await self.call(SET_CONFIGURATION, index, _u16(MONITOR_INTERVAL, interval) + _u16(MONITOR_WINDOW, window))

    async def interleave(self, index: int, *, on: bool) -> None:
        """Have the scan of monitors alternate with one for the accept list while a bonded device is away."""
        await self.call(SET_CONFIGURATION, index, struct.pack("<HBB", INTERLEAVE, 1, on))

    async def add_absent_device(self, index: int) -> None:
        """Have the kernel hold a pending LE connection, as to a bonded keyboard or mouse that is away."""
        await self.call(ADD_DEVICE, index, ABSENT + bytes([LE_RANDOM, AUTO_CONNECT]))

    async def remove_absent_device(self, index: int) -> None:
        """Forget it."""
        await self.call(REMOVE_DEVICE, index, ABSENT + bytes([LE_RANDOM]))


def _u16(kind: int, value: int) -> bytes:
    return struct.pack("<HBH", kind, 2, value)


@asynccontextmanager
async def a_bonded_device_away(index: int) -> AsyncIterator[Management]:
    """Have an adapter wait for a bonded device for the length of the block."""
    management = Management()
    try:
        await management.add_absent_device(index)
        yield management
        await management.remove_absent_device(index)
    finally:
        management.close()
