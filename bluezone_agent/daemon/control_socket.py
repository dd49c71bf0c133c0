"""A Unix socket over which the owner's commands reach the running agent: one JSON line each way."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from bluezone_agent.errors import N_, AgentError, StateInUseError
from bluezone_agent.paths import runtime_path

log: Final = structlog.get_logger()

SOCKET_NAME: Final = "agent.sock"
REPLACE_KEY: Final = "replace-key"
"""Close the current key and advertise with a new one."""
LOOK_AT_PAUSE: Final = "look-at-pause"
"""Adopt the pause that is in the store."""
ANSWER_TIMEOUT_S: Final = 15
"""A rotation takes up to 2 s of random pause and several calls to the Bluetooth service."""
LONGEST_PATH: Final = 107
"""Bytes that a Unix socket's address holds (unix(7)), less the final zero."""

Answer = Callable[[], Awaitable[None]]


async def serve(state_dir: Path, answers: Mapping[str, Answer]) -> None:
    """Answer requests until cancelled. Only the agent that holds the state's lock may call this.

    If the disk accepts no socket, no request is answered, and the agent continues.
    """
    path = runtime_path(state_dir) / SOCKET_NAME
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise AgentError(
            N_("the path of the control socket is longer than {limit} bytes: {path}"),
            N_("choose a state directory with a shorter path: --state-dir DIR"),
            limit=LONGEST_PATH,
            path=path,
        )

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reply = await _reply(await reader.readline(), answers)
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            return  # the client is gone, sent nothing, or did not end the line
        finally:
            writer.close()

    try:
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(connected, sock=_bound_privately(path))
    except OSError as error:
        log.error("control_socket_failed", path=str(path), reason=error.strerror)
        return
    try:
        async with server:
            await server.serve_forever()
    finally:
        with suppress(OSError):  # on a disk that has become read-only it stays, and answers nobody
            path.unlink(missing_ok=True)


def _bound_privately(path: Path) -> socket.socket:
    """Return a socket at ``path`` for its owner only; the umask is restored before anything else runs."""
    listening = socket.socket(socket.AF_UNIX)
    umask = os.umask(0o177)
    try:
        listening.bind(os.fspath(path))
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(umask)
    return listening


async def _reply(line: bytes, answers: Mapping[str, Answer]) -> dict[str, Any]:
    try:
        request = json.loads(line)["request"]
        answer = answers[request]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {"ok": False, "error": "unknown request"}
    try:
        await answer()
    except AgentError as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True}


def ask(state_dir: Path, request: str) -> None:
    """Have the running agent execute ``request`` and return when done; raises StateInUseError if it can't."""
    path = runtime_path(state_dir) / SOCKET_NAME
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect(os.fspath(path))
            connection.sendall(json.dumps({"request": request}).encode() + b"\n")
            reply = json.loads(connection.makefile("rb").readline())
    except (OSError, ValueError) as error:
        raise StateInUseError(
            N_("the agent running on {path} does not answer: {reason}"),
            N_("try again, or stop the agent first"),
            path=state_dir,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    if not reply["ok"]:
        raise StateInUseError(
            N_("the agent running on {path} refused: {reason}"), path=state_dir, reason=reply["error"]
        )
