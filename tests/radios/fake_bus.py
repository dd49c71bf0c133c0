"""A D-Bus daemon that a test steers: it lets a client in, keeps what it is asked, and answers as told."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from dbus_fast import Message, MessageType
from dbus_fast._private.unmarshaller import Unmarshaller

Answer = Callable[[Message], Message | None]
HEADER = struct.Struct("<4xI4xI")
"""Length of the body, and of the header's fields (D-Bus Specification, Message Format)."""


class FakeBus:
    """``answer`` makes the reply to a call, None to let it wait for ever; ``Hello`` is answered here."""

    def __init__(self) -> None:
        self.answer: Answer = Message.new_method_return
        self.lets_in = True
        self.calls: list[Message] = []
        self.clients = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def emit(self, member: str, interface: str = "org.freedesktop.DBus.Properties") -> None:
        """Send everybody a signal."""
        for number, writer in enumerate(self._writers, start=1):
            signal = Message.new_signal("/org/bluez/hci0", interface, member)
            signal.serial = 1000 + number
            writer.write(bytes(signal._marshall(negotiate_unix_fd=False)))

    def hang_up(self) -> None:
        """End every connection."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        self._writers.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._let_in(reader, writer)
                while True:
                    self._reply(await _read(reader), writer)
        finally:
            self._writers.discard(writer)
            self.clients -= 1
            writer.close()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readuntil(b"\r\n")) != b"BEGIN\r\n":
            assert b"AUTH EXTERNAL" in line
            writer.write(b"OK 0123456789abcdef\r\n" if self.lets_in else b"REJECTED EXTERNAL\r\n")

    def _reply(self, call: Message, writer: asyncio.StreamWriter) -> None:
        if call.member == "Hello":
            reply: Message | None = Message.new_method_return(call, "s", [":1.1"])
        else:
            self.calls.append(call)
            reply = self.answer(call)
        if reply is not None:
            reply.serial = call.serial
            writer.write(bytes(reply._marshall(negotiate_unix_fd=False)))


async def _read(reader: asyncio.StreamReader) -> Message:
    start = await reader.readexactly(16)
    body, fields = HEADER.unpack(start)
    data = start + await reader.readexactly((fields + 7) // 8 * 8 + body)
    message = Unmarshaller(io.BytesIO(data)).unmarshall()  # type: ignore[arg-type] # it reads any stream
    assert message is not None
    assert message.message_type is MessageType.METHOD_CALL
    return message


@asynccontextmanager
async def fake_bus(socket: Path) -> AsyncIterator[FakeBus]:
    """Serve at ``socket``; at the end every connection has to be closed."""
    bus = FakeBus()
    server = await asyncio.start_unix_server(bus.serve, socket)
    try:
        yield bus
    finally:
        server.close()
        bus.hang_up()
