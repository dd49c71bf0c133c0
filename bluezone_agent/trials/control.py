"""The socket of a running recorder: a line ``mark TEXT`` or ``stop``, answered by ``ok`` or ``error: …``.

Commands, a button on a GPIO pin or a scanner write to it; only the owner can. ``watch`` is answered by a line of JSON
each second until the recorder ends (:class:`NodeLine`).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.daemon.unix_socket import LONGEST_PATH, listen
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.trials.folder import DEVICES, TrialError, TrialFolder
from bluezone_agent.trials.live_line import LINE_EVERY_S, NodeLine
from bluezone_agent.trials.marks import ParsedMark

SOCKET_NAME: Final = "trial.sock"
LONGEST_LINE: Final = 4096
WATCH: Final = b"watch"
ANSWERED_S: Final = 10.0
OK: Final = "ok"
ERROR: Final = "error: "


def require_short(folder: Path) -> None:
    """Raise TrialError if no socket can be made in a device's folder."""
    path = folder / SOCKET_NAME
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise TrialError(
            N_("the path {path} is too long for a socket, which has at most {limit} bytes"),
            N_("move the folder of the trial nearer to the root, such as into your home"),
            path=path,
            limit=LONGEST_PATH,
        )


def require_free(folder: Path) -> None:
    """Raise TrialError if a recorder already runs in a device's folder."""
    with closing(socket.socket(socket.AF_UNIX)) as asking:
        try:
            asking.connect(os.fspath(folder / SOCKET_NAME))
        except OSError:
            return
    raise TrialError(
        N_("{device} is already recording, in another process"),
        N_('stop it with "bluezone-agent trial stop", or name another device with --node'),
        device=folder.name,
    )


async def serve(
    folder: Path,
    parse: Callable[[str], ParsedMark],
    note: Callable[[ParsedMark], object],
    stop: Callable[[], object],
    state: Callable[[], NodeLine],
) -> None:
    """Answer on the socket in a device's folder until cancelled."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWERED_S) as limit:
                while line := await reader.readline():
                    if line.strip() == WATCH:
                        limit.reschedule(None)
                        await _show(writer, state)
                    answer = _answer(line.decode("utf-8", "replace").strip(), parse, note, stop)
                    writer.write(f"{answer}\n".encode())
                    await writer.drain()
        except (OSError, ValueError, TimeoutError):  # ValueError: a line that is too long
            pass
        finally:
            writer.close()

    await listen(folder / SOCKET_NAME, connected)


async def _show(writer: asyncio.StreamWriter, state: Callable[[], NodeLine]) -> None:
    """Write the recorder's state each second until the reader is gone; its last line says how it ended.

    Raises OSError, TimeoutError for a reader that reads nothing.
    """
    try:
        while True:
            writer.write(msgspec.json.encode(state()) + b"\n")
            async with asyncio.timeout(ANSWERED_S):
                await writer.drain()
            await asyncio.sleep(LINE_EVERY_S)
    except asyncio.CancelledError:
        writer.write(msgspec.json.encode(state()) + b"\n")
        raise


def _answer(
    line: str,
    parse: Callable[[str], ParsedMark],
    note: Callable[[ParsedMark], object],
    stop: Callable[[], object],
) -> str:
    word, _space, rest = line.partition(" ")
    try:
        if word == "mark":
            note(parse(rest))
        elif word == "stop" and not rest:
            stop()
        else:
            return f"{ERROR}mark TEXT, stop or watch"
    except AgentError as error:
        return f"{ERROR}{error}"
    except OSError as error:
        return f"{ERROR}{error.strerror}"
    return OK


def tell(folder: TrialFolder, line: str) -> list[str]:
    """Send a line to every recorder that runs in this folder on this machine; return the devices' ids.

    Raises TrialError if none runs, or one refuses.
    """
    answered = list[str]()
    for path in sockets(folder):
        answer = _ask(path, line)
        if answer is None:
            continue
        if answer != OK:
            raise TrialError(
                N_("{device} refuses: {reason}"),
                N_("correct the command and try again"),
                device=path.parent.name,
                reason=answer.removeprefix(ERROR),
            )
        answered.append(path.parent.name)
    if not answered:
        raise nobody_records(folder)
    return answered


def nobody_records(folder: TrialFolder) -> TrialError:
    """Return the error for a folder in which no recorder runs."""
    return TrialError(
        N_("no device records the trial in {path} on this machine"),
        N_('start one: "bluezone-agent trial run {path} --node ID"'),
        path=folder.path,
    )


def sockets(folder: TrialFolder) -> Iterator[Path]:
    """Yield the sockets in a trial's folder; a killed recorder leaves one as well."""
    yield from sorted((folder.path / DEVICES).glob(f"*/{SOCKET_NAME}"))


def _ask(path: Path, line: str) -> str | None:
    """Return the answer of a recorder; None if a killed one left the socket."""
    with closing(socket.socket(socket.AF_UNIX)) as asking:
        asking.settimeout(ANSWERED_S)
        try:
            asking.connect(os.fspath(path))
            asking.sendall(f"{line}\n".encode())
            asking.shutdown(socket.SHUT_WR)
            with asking.makefile("rb") as answers:
                return answers.readline(LONGEST_LINE).decode("utf-8", "replace").strip()
        except OSError:
            return None
