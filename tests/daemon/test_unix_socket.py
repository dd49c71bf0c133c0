"""What one connection does wrong ends that connection, and nothing else."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from bluezone_agent.daemon.unix_socket import listen


async def asked(path: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(line)
        return await reader.read()
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    line = await reader.readline()
    writer.write(f"{1 / int(line)}\n".encode())
    await writer.drain()
    writer.close()


def test_an_unexpected_error_ends_one_connection_and_is_logged(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"

    async def scenario() -> list[bytes]:
        serving = asyncio.create_task(listen(path, answer))
        while not path.exists():
            await asyncio.sleep(0)
        answers = [await asked(path, line) for line in (b"4\n", b"0\n", b"four\n", b"2\n")]
        assert not serving.done()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        return answers

    with structlog.testing.capture_logs() as logs:
        answers = asyncio.run(scenario())
    assert answers == [b"0.25\n", b"", b"", b"0.5\n"]
    assert [(line["event"], line["path"]) for line in logs] == [("connection_failed", str(path))] * 2


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("odd")])
def test_the_socket_goes_with_its_server_after_errors(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "a.sock"

    async def fail(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        raise error

    async def scenario() -> None:
        serving = asyncio.create_task(listen(path, fail))
        while not path.exists():
            await asyncio.sleep(0)
        assert await asked(path, b"") == b""
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    asyncio.run(scenario())
    assert not path.exists()
