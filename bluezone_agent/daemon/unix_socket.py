"""A Unix socket that only its owner can connect to, or also the group of its folder."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from bluezone_agent.errors import N_, AgentError

log: Final = structlog.get_logger()

LONGEST_PATH: Final = 107
"""Bytes that a Unix socket's address holds (unix(7)), less the final zero."""

OWNER_ONLY: Final = 0o600
OWNER_AND_GROUP: Final = 0o660

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


async def listen(path: Path, connected: Connected, mode: int = OWNER_ONLY) -> None:
    """Serve connections at ``path`` until cancelled, instead of any socket that a killed agent left there.

    If the disk accepts no socket, this returns and the agent continues. An unexpected error of ``connected`` is logged
    and ends that connection alone. Raises AgentError for a path that is too long.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise AgentError(
            N_("the path of a socket is longer than {limit} bytes: {path}"),
            N_("choose a state directory with a shorter path: --state-dir DIR"),
            limit=LONGEST_PATH,
            path=path,
        )

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.create_task(_guarded(connected, path, reader, writer))

    try:
        async with asyncio.TaskGroup() as connections:
            try:
                server = await asyncio.start_unix_server(accepted, sock=_bound(path, mode))
            except OSError as error:
                log.error("socket_failed", path=str(path), reason=error.strerror)
                return
            try:
                await asyncio.get_running_loop().create_future()  # until it is cancelled
            finally:
                server.close()
    finally:
        with suppress(OSError):  # on a disk that has become read-only it stays, and answers nobody
            _remove(path)


async def _guarded(
    connected: Connected, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection: whatever goes wrong there is no reason to stop broadcasting."""
    try:
        await connected(reader, writer)
    except Exception:
        log.exception("connection_failed", path=str(path))
    finally:
        writer.close()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _bound(path: Path, mode: int) -> socket.socket:
    """Return a new socket at ``path``; the umask is restored before anything else runs."""
    _remove(path)
    listening = socket.socket(socket.AF_UNIX)
    umask = os.umask(0o777 & ~mode)
    try:
        listening.bind(os.fspath(path))
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(umask)
    return listening
