"""Who is near now: the running agent's live feed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.app.device import Device
from bluezone_agent.core.live_line import LiveLine, LiveRefused
from bluezone_agent.daemon.live_feed import SOCKET_NAME
from bluezone_agent.errors import N_, NoLiveFeedError
from bluezone_agent.paths import runtime_path
from bluezone_agent.stores.store import agent_runs

FIRST_LINE_S: Final = 10.0
"""A busy Pi Zero has answered by then."""
LONGEST_LINE: Final = 2**20
"""Bytes; 1,000 neighbours take 200 kB."""


async def live(device: Device) -> AsyncGenerator[LiveLine, None]:
    """Yield what the running agent receives: the present at once, then a line each second. Close it (``aclosing``).

    Raises NoLiveFeedError: at the start when no agent runs, it does not answer or has too many readers; later when it
    has stopped.
    """
    async with aclosing(live_at(runtime_path(device.state_dir) / SOCKET_NAME, device.state_dir)) as lines:
        async for line in lines:
            yield line


async def live_at(path: Path, state_dir: Path | None) -> AsyncGenerator[LiveLine, None]:
    """Do the same over the socket at ``path``, for a reader that can see ``state_dir``, or none (None)."""
    try:
        reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=LONGEST_LINE)
    except OSError as error:
        raise _unreachable(state_dir, error.strerror or str(error)) from error
    try:
        yield await _first(state_dir, reader)
        while True:
            yield await _next(state_dir, reader)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _first(state_dir: Path | None, reader: asyncio.StreamReader) -> LiveLine:
    try:
        async with asyncio.timeout(FIRST_LINE_S):
            return await _next(state_dir, reader)
    except TimeoutError as error:
        raise _unreachable(state_dir, os.strerror(110)) from error


async def _next(state_dir: Path | None, reader: asyncio.StreamReader) -> LiveLine:
    try:
        line = await reader.readline()
    except (OSError, ValueError) as error:  # ValueError: a line that is too long
        raise _unreachable(state_dir, str(error)) from error
    if not line.endswith(b"\n"):
        raise _stopped(state_dir)
    with suppress(msgspec.ValidationError):
        return msgspec.json.decode(line, type=LiveLine)
    try:
        refused = msgspec.json.decode(line, type=LiveRefused).refused
    except msgspec.DecodeError as error:
        raise _unreachable(state_dir, str(error)) from error
    raise _unreachable(state_dir, refused)


def _unreachable(state_dir: Path | None, reason: str) -> NoLiveFeedError:
    if state_dir is None:
        return NoLiveFeedError(
            N_("the agent shows nothing live: {reason}"), N_('to see why, run "bluezone-agent status"'), reason=reason
        )
    if not agent_runs(state_dir):
        return NoLiveFeedError(
            N_("no agent runs on {path}, so nothing is received now"),
            N_('start it with "bluezone-agent run"; "bluezone-agent contacts" shows what was received before'),
            path=state_dir,
        )
    return NoLiveFeedError(
        N_("the agent running on {path} shows nothing live: {reason}"),
        N_("wait some seconds and try again; end other programs that show who is near"),
        path=state_dir,
        reason=reason,
    )


def _stopped(state_dir: Path | None) -> NoLiveFeedError:
    return NoLiveFeedError(
        N_("the agent on {path} has stopped"), N_('to see why, run "bluezone-agent status"'), path=state_dir or "-"
    )
