"""How one of this program's processes starts another."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from bluezone_agent.app.device import Device
from bluezone_agent.app.page_folder import PAGE
from bluezone_agent.errors import AgentError
from bluezone_agent.i18n import ASKED

LONGEST_LINE: Final = 2**24
"""Bytes; 14 days of contacts take 100 kB."""


class CommandFailedError(AgentError):
    """One of our commands failed; the reason is what it said."""


def own_command(device: Device, *command: str) -> list[str]:
    """Return what runs one of our commands on a device, in a process of its own.

    Without ``-P`` Python would run a ``bluezone_agent`` that someone put into the current directory.
    """
    isolated = "-I" if sys.flags.isolated else "-P"
    program = [sys.executable, isolated, "-m", "bluezone_agent", "--state-dir", str(device.state_dir)]
    if device.config_file is not None:
        program += ["--config", str(device.config_file)]
    return [*program, *command]


async def lines(device: Device, *command: str, given: bytes = b"", language: str = "") -> AsyncGenerator[bytes, None]:
    """Yield the lines that one of our commands prints to whoever gives it this on standard input.

    ``language`` is that of its errors, else its configuration's. Raises CommandFailedError with what it says if it
    fails.
    """
    child = await asyncio.create_subprocess_exec(
        *own_command(device, *command),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=LONGEST_LINE,
        env=_environment(language),
    )
    try:
        if child.stdin is not None:
            with suppress(ConnectionError):  # it ended without reading that
                child.stdin.write(given)
                await child.stdin.drain()
            child.stdin.close()
        while child.stdout is not None and (line := await child.stdout.readline()):
            yield line
        said = b"" if child.stderr is None else await child.stderr.read()  # an error: less than its pipe holds
        if await child.wait():
            raise CommandFailedError("{reason}", reason=said.decode("utf-8", "replace").strip() or "-")
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


async def answered(device: Device, *command: str, given: bytes = b"", language: str = "") -> None:
    """Run one of our commands to its end, whatever it prints; raises CommandFailedError."""
    async with aclosing(lines(device, *command, given=given, language=language)) as printed:
        async for _line in printed:
            pass


def _environment(language: str) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != PAGE}  # it prints the parts
    return environment | ({ASKED: language, "LANGUAGE": language} if language else {})
