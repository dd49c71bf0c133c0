"""Unix sockets over which the owner's commands and page reach the running agent: one JSON line each way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec

from bluezone_agent.core.door import DoorAsked
from bluezone_agent.core.pauses import LONGEST_S, SHORTEST_S, Mode
from bluezone_agent.core.requested_submission import RequestedSubmission
from bluezone_agent.daemon.unix_socket import OWNER_AND_GROUP, OWNER_ONLY, listen
from bluezone_agent.door.refusals import refused
from bluezone_agent.errors import N_, AgentError, DoorError, DoorRefusal, StateInUseError
from bluezone_agent.paths import runtime_path
from bluezone_agent.socket_lines import asked

SOCKET_NAME: Final = "agent.sock"
PAGE_SOCKET_NAME: Final = "page.sock"
"""For the owner's page, which may only pause and resume."""
REPLACE_KEY: Final = "replace-key"
"""Close the current key and advertise with a new one."""
LOOK_AT_PAUSE: Final = "look-at-pause"
"""Adopt the pause that is in the store."""
PAUSE: Final = "pause"
"""Pause in the mode and for the time that the request states."""
RESUME: Final = "resume"
"""End any pause."""
SUBMIT: Final = "submit"
"""Submit the owner's keys to the key server."""
DOOR_OPEN: Final = "door-open"
"""Count people at a door, in the direction that the request states; an open door stays open."""
DOOR_CLOSE: Final = "door-close"
DOOR_DIRECTION: Final = "door-direction"
"""Count in the direction that the request states, or in the other one."""
DOOR_NO_DEVICE: Final = "door-no-device"
"""Count a person without a device."""
DOOR_LABEL: Final = "door-label"
"""Label the last passage."""
DOOR_UNDO: Final = "door-undo"
"""Take the last passage back."""
DOOR_CALIBRATE: Final = "door-calibrate"
"""Begin the guided calibration of the threshold, or end it if it runs."""
ANSWER_TIMEOUT_S: Final = 15
"""A rotation takes up to 2 s of random pause and several calls to the Bluetooth service."""
SUBMITTED_S: Final = 240
"""A submission takes three requests to servers, each of them up to a minute, and a rotation."""
MOST_BYTES: Final = 64 * 1024
"""Of a reply, which quotes at most one error."""


class AgentRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the agent is asked to do."""

    request: str
    mode: Mode = Mode.PAUSED
    lasts_s: Annotated[int, msgspec.Meta(ge=SHORTEST_S, le=LONGEST_S)] = SHORTEST_S
    submission: RequestedSubmission | None = None
    door: DoorAsked | None = None


class AgentReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the agent did it, and else why not."""

    ok: bool
    error: str = ""
    refusal: DoorRefusal | None = None


Answer = Callable[[AgentRequest], Awaitable[None]]


async def serve(path: Path, answers: Mapping[str, Answer], mode: int = OWNER_ONLY) -> None:
    """Answer requests on a socket at ``path`` until cancelled; only for the agent that holds the state's lock."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                request = _request(await reader.readline())
            async with asyncio.timeout(_longest_s(request)):
                reply = await _reply(request, answers)
                writer.write(msgspec.json.encode(reply) + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            return  # the client is gone, sent nothing, or did not end the line
        finally:
            writer.close()

    await listen(path, connected, mode)


async def serve_page(folder: Path | None, answers: Mapping[str, Answer]) -> None:
    """Answer the owner's page, whose folder gives its files to the page's group, if there is such a folder."""
    if folder is not None:
        await serve(folder / PAGE_SOCKET_NAME, answers, OWNER_AND_GROUP)


def _request(line: bytes) -> AgentRequest:
    """Return the request; one that nobody answers if it can't be read."""
    try:
        return msgspec.json.decode(line, type=AgentRequest)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return AgentRequest("")


def _longest_s(request: AgentRequest) -> float:
    return SUBMITTED_S if request.request == SUBMIT else ANSWER_TIMEOUT_S


async def _reply(request: AgentRequest, answers: Mapping[str, Answer]) -> AgentReply:
    answer = answers.get(request.request)
    if answer is None:
        return AgentReply(ok=False, error="unknown request")
    try:
        await answer(request)
    except DoorError as error:
        return AgentReply(ok=False, error=str(error), refusal=error.reason)
    except AgentError as error:
        return AgentReply(ok=False, error=str(error))
    return AgentReply(ok=True)


def control_path(state_dir: Path) -> Path:
    """Return the path of the socket for the owner's commands."""
    return runtime_path(state_dir) / SOCKET_NAME


def ask(state_dir: Path, request: AgentRequest) -> None:
    """Have the running agent execute ``request`` and return when done; raises StateInUseError if it can't.

    Raises DoorError if a door refuses.
    """
    ask_at(control_path(state_dir), request, state_dir)


def ask_at(path: Path, request: AgentRequest, named: Path) -> None:
    """Do the same over the socket at ``path``; errors call the agent by ``named``. Raises DoorError for a door."""
    try:
        reply = asked(path, request, AgentReply, timeout_s=_longest_s(request), most_bytes=MOST_BYTES)
    except OSError as error:
        raise StateInUseError(
            N_("the agent running on {path} does not answer: {reason}"),
            N_("try again, or stop the agent first"),
            path=named,
            reason=error.strerror or error,
        ) from error
    if reply.refusal is not None:
        raise refused(reply.refusal)
    if not reply.ok:
        raise StateInUseError(N_("the agent running on {path} refused: {reason}"), path=named, reason=reply.error)
