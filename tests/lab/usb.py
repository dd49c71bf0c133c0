"""A controller as a USB device: Linux's raw gadget behind dummy_hcd, which plugs it into the same kernel.

The descriptors are those of a Bluetooth controller of its own (Bluetooth Core Specification 5.4, Vol 4, Part B, section
2): HCI commands come as class requests on endpoint 0, events go out on an interrupt endpoint, ACL data are bulk. The
ioctls are those of include/uapi/linux/usb/raw_gadget.h.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import struct
import threading
from pathlib import Path
from typing import Any, Final

DEVICE: Final = Path("/dev/raw-gadget")
DRIVER, UDC = b"dummy_udc", b"dummy_udc.0"
FULL_SPEED: Final = 2
BLUETOOTH: Final = bytes([0xE0, 1, 1])
"""Wireless controller, RF controller, Bluetooth programming interface."""
EVENTS_IN, DATA_IN, DATA_OUT = 0x85, 0x81, 0x02
"""Endpoints of dummy_hcd: ep5in-int, ep1in-bulk, ep2out-bulk."""
COMMAND, ACL, EVENT = 1, 2, 4
"""HCI packet types of the UART transport, which bumble uses for every transport."""
ENDPOINTS: Final = (
    struct.pack("<BBBBHB", 7, 5, EVENTS_IN, 3, 16, 1),
    struct.pack("<BBBBHB", 7, 5, DATA_IN, 2, 64, 0),
    struct.pack("<BBBBHB", 7, 5, DATA_OUT, 2, 64, 0),
)
INTERFACE: Final = bytes([9, 4, 0, 0, len(ENDPOINTS)]) + BLUETOOTH + b"\0"
CONFIGURATION: Final = (
    struct.pack("<BBHBBBBB", 9, 2, 18 + 7 * len(ENDPOINTS), 1, 1, 0, 0x80, 50) + INTERFACE + b"".join(ENDPOINTS)
)
DESCRIPTORS: Final = {
    1: struct.pack("<BBH3sBHHHBBBB", 18, 1, 0x0200, BLUETOOTH, 64, 0x1D6B, 0xFFFF, 0x0100, 0, 0, 0, 1),
    2: CONFIGURATION,
}
"""Device and configuration; it has no strings."""
GET_DESCRIPTOR, SET_CONFIGURATION, SET_INTERFACE, CLASS_TO_DEVICE = (0x80, 6), (0x00, 9), (0x01, 11), (0x20, 0)
CONTROL_EVENT: Final = 2
MOST: Final = 1000
"""Bytes: Python lets other threads run only during an ioctl on fewer than 1,024."""
ENDS_SHORT: Final = 1
"""USB_RAW_IO_FLAGS_ZERO: an event of whole packets ends with an empty one, since the host reads up to the longest."""
NONE, WRITE, READ = 0, 1, 2


def _ioctl(direction: int, number: int, size: int = 0) -> int:
    return direction << 30 | size << 16 | ord("U") << 8 | number


INIT, RUN, FETCH = _ioctl(WRITE, 0, 257), _ioctl(NONE, 1), _ioctl(READ, 2, 8)
EP0_WRITE, EP0_READ = _ioctl(WRITE, 3, 8), _ioctl(READ | WRITE, 4, 8)
ENABLE, EP_WRITE, EP_READ = _ioctl(WRITE, 5, 9), _ioctl(WRITE, 7, 8), _ioctl(READ | WRITE, 8, 8)
CONFIGURE, STALL = _ioctl(NONE, 9), _ioctl(NONE, 12)


class UsbGadget:
    """A plugged-in controller; it is bumble's transport, source and sink in one. Closing unplugs it."""

    def __init__(self) -> None:
        """Plug it in; raises OSError."""
        self.source = self.sink = self
        self._loop = asyncio.get_running_loop()
        self._controller: Any = None
        self._early: list[bytes] = []
        self._out: dict[int, queue.Queue[bytes]] = {EVENT: queue.Queue(), ACL: queue.Queue()}
        self._file = os.open(DEVICE, os.O_RDWR)
        fcntl.ioctl(self._file, INIT, struct.pack("128s128sB", DRIVER, UDC, FULL_SPEED))
        fcntl.ioctl(self._file, RUN)
        self._run(self._answer_requests)

    def set_packet_sink(self, controller: Any) -> None:
        """Pass the host's packets to ``controller``."""
        self._controller = controller
        for packet in self._early:
            controller.on_packet(packet)
        self._early = []

    def on_packet(self, packet: bytes) -> None:
        """Send one of the controller's packets to the host."""
        if packet[0] in self._out:
            self._out[packet[0]].put(packet[1:])

    async def close(self) -> None:
        """Unplug it."""
        os.close(self._file)

    def _run(self, work: Any, *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _answer_requests(self) -> None:
        while True:
            event = bytearray(struct.pack("<II8x", 0, 8))
            fcntl.ioctl(self._file, FETCH, event, True)
            kind, _length, request_type, request, value, _index, length = struct.unpack("<IIBBHHH", event)
            if kind == CONTROL_EVENT:
                self._answer((request_type, request), value, length)

    def _answer(self, request: tuple[int, int], value: int, length: int) -> None:
        if request == GET_DESCRIPTOR and value >> 8 in DESCRIPTORS:
            self._write(EP0_WRITE, 0, DESCRIPTORS[value >> 8][:length])
        elif request == CLASS_TO_DEVICE:
            self._received(COMMAND, self._read(EP0_READ, 0, length))
        elif request in (SET_CONFIGURATION, SET_INTERFACE):
            if request == SET_CONFIGURATION and value:
                self._configure()
            self._read(EP0_READ, 0, 0)
        else:
            fcntl.ioctl(self._file, STALL)

    def _configure(self) -> None:
        events, data_in, data_out = (self._enable(e) for e in ENDPOINTS)
        fcntl.ioctl(self._file, CONFIGURE)
        self._run(self._send, events, self._out[EVENT])
        self._run(self._send, data_in, self._out[ACL])
        self._run(self._receive_data, data_out)

    def _enable(self, descriptor: bytes) -> int:
        return int(fcntl.ioctl(self._file, ENABLE, bytearray(descriptor + bytes(2)), True))

    def _send(self, endpoint: int, packets: queue.Queue[bytes]) -> None:
        while True:
            self._write(EP_WRITE, endpoint, packets.get())

    def _receive_data(self, endpoint: int) -> None:
        while True:
            self._received(ACL, self._read(EP_READ, endpoint, MOST))

    def _received(self, kind: int, packet: bytes) -> None:
        self._loop.call_soon_threadsafe(self._pass_on, bytes([kind]) + packet)

    def _pass_on(self, packet: bytes) -> None:
        if self._controller is None:
            self._early.append(packet)
        else:
            self._controller.on_packet(packet)

    def _write(self, ioctl: int, endpoint: int, data: bytes) -> None:
        fcntl.ioctl(self._file, ioctl, bytearray(struct.pack("<HHI", endpoint, ENDS_SHORT, len(data)) + data), True)

    def _read(self, ioctl: int, endpoint: int, length: int) -> bytes:
        buffer = bytearray(struct.pack("<HHI", endpoint, 0, length) + bytes(length))
        count = fcntl.ioctl(self._file, ioctl, buffer, True)
        return bytes(buffer[8 : 8 + count])
