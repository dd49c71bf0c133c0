"""What the process of the owner's page sees: parts of others' making. It never opens the store itself.

As a service of its own it reads what the agent writes into a folder, and asks the agent over sockets there. Started by
the owner of the store, it runs this program's own commands.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from bluezone_agent.app import page_files
from bluezone_agent.app.around import live, live_at
from bluezone_agent.app.device import Device
from bluezone_agent.app.exposure_answer import Answer, ExposureAnswer, Unknown
from bluezone_agent.app.own_command import answered, lines
from bluezone_agent.app.page_parts import PARTS, PageNow, Part
from bluezone_agent.app.publish_command import submit
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.live_line import LiveLine
from bluezone_agent.core.pauses import Mode
from bluezone_agent.core.requested_submission import RequestedSubmission
from bluezone_agent.daemon.control_socket import (
    PAGE_SOCKET_NAME,
    PAUSE,
    RESUME,
    SUBMIT,
    AgentRequest,
    ask,
    ask_at,
)
from bluezone_agent.daemon.live_feed import SOCKET_NAME
from bluezone_agent.errors import AgentError
from bluezone_agent.health.health import CHECK_LATE_S, AgentVerdict, Problem

P = TypeVar("P", bound=msgspec.Struct)

SILENT_AFTER_S: Final = 180
"""The agent writes its state every minute; as for minutes, two in a row may be missed."""
FRESH_S: Final = 30.0
"""How long what a command printed is shown again."""


class PageView(Protocol):
    """Where a page gets its parts from, and whom it asks."""

    async def part(self, kind: type[P]) -> P | None:
        """Return a part, None if there is none; raises AgentError, OSError."""

    async def pause(self, mode: Mode, lasts_s: int) -> None:
        """Pause; raises AgentError."""

    async def resume(self) -> None:
        """End any pause; raises AgentError."""

    async def submit(self, asked: RequestedSubmission) -> None:
        """Submit the owner's keys to the key server; raises AgentError."""

    async def door(self, request: AgentRequest) -> None:
        """Have the agent do something at its door; raises DoorError or StateInUseError."""

    def live(self) -> AsyncGenerator[LiveLine, None]:
        """Yield who is near, each second; raises NoLiveFeedError."""


def present(now: PageNow, at: datetime) -> PageNow:
    """Return what a state means at a later time: an agent that wrote nothing since does not run, and checks get old."""
    if at - now.made_at > timedelta(seconds=SILENT_AFTER_S) and Problem.NOT_RUNNING not in now.problems:
        now = replace(
            now,
            verdict=AgentVerdict.DOES_NOT_WORK,
            problems=(Problem.NOT_RUNNING, *now.problems),
            cautions=(),
            radio_fault={},
            cost=None,
        )
    if now.pause is not None and now.pause.until < at:
        now = replace(now, pause=None)
    return replace(now, answer=_answer(now.answer, at))


def _answer(known: ExposureAnswer, at: datetime) -> ExposureAnswer:
    checked_at = known.complete_check_at
    if known.answer is Answer.EXPOSED or checked_at is None or at - checked_at <= timedelta(seconds=CHECK_LATE_S):
        return known
    reasons = tuple(dict.fromkeys((*known.reasons, Unknown.CHECK_TOO_OLD)))
    return replace(known, answer=Answer.NOT_KNOWN, reasons=reasons)


class ServicePage:
    """The page as a service: another user, who reads the folder that the agent writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def part(self, kind: type[P]) -> P | None:
        """Return a part as the agent wrote it last; raises OSError."""
        return page_files.read(self._folder, kind)

    async def pause(self, mode: Mode, lasts_s: int) -> None:
        """Have the agent pause; raises StateInUseError."""
        await self._ask(AgentRequest(PAUSE, mode, lasts_s))

    async def resume(self) -> None:
        """Have the agent resume; raises StateInUseError."""
        await self._ask(AgentRequest(RESUME))

    async def submit(self, asked: RequestedSubmission) -> None:
        """Have the agent submit the owner's keys; raises StateInUseError."""
        await self._ask(AgentRequest(SUBMIT, submission=asked))

    async def door(self, request: AgentRequest) -> None:
        """Have the agent do something at its door; raises DoorError or StateInUseError."""
        await self._ask(request)

    async def _ask(self, request: AgentRequest) -> None:
        await asyncio.to_thread(ask_at, self._folder / PAGE_SOCKET_NAME, request, self._folder)

    def live(self) -> AsyncGenerator[LiveLine, None]:
        """Yield who is near; raises NoLiveFeedError."""
        return live_at(self._folder / SOCKET_NAME, None)


class OwnPage:
    """The page of whoever owns the store, who may run any command on it."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._parts: dict[str, Part] = {}
        self._made_s = -math.inf
        """When the newest parts were asked for, by the event loop's clock."""
        self._wanted = asyncio.Event()
        self._arrived = asyncio.Condition()
        self._error: AgentError | None = None
        self._changes = 0
        """How often this page has changed something: what was read before is not shown afterwards."""

    async def work(self) -> None:
        """Make new parts, now and when they are wanted, until cancelled."""
        self._made_s = asyncio.get_running_loop().time()
        self._wanted.set()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._error, changes = None, self._changes
            try:
                async with aclosing(lines(self._device, "page")) as printed:
                    async for line in printed:
                        if changes == self._changes:
                            self._parts |= _parts(line)
                            await self._tell()
            except AgentError as error:
                self._error = error
            await self._tell()

    async def _tell(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    async def part(self, kind: type[P]) -> P | None:
        """Return a part; an older one is shown while a newer one is made. Raises AgentError."""
        (name,) = (name for name, its_kind in PARTS.items() if its_kind is kind)
        now_s = asyncio.get_running_loop().time()
        if now_s - self._made_s > FRESH_S:
            self._made_s = now_s
            self._wanted.set()
        async with self._arrived:
            while name not in self._parts:
                await self._arrived.wait()
                if self._error is not None:
                    self._made_s = -math.inf
                    raise self._error
        found = self._parts[name]
        return found if isinstance(found, kind) else None

    async def pause(self, mode: Mode, lasts_s: int) -> None:
        """Run ``pause``; raises AgentError."""
        protected = ["--protected"] if mode is Mode.PROTECTED else []
        await self._change("pause", "--for", f"{lasts_s // MINUTE_S}m", *protected)

    async def resume(self) -> None:
        """Run ``resume``; raises AgentError."""
        await self._change("resume")

    async def submit(self, asked: RequestedSubmission) -> None:
        """Run ``keys publish``; raises AgentError."""
        await submit(self._device, asked)
        self._changed()

    async def door(self, request: AgentRequest) -> None:
        """Have the agent do something at its door; raises DoorError or StateInUseError."""
        await asyncio.to_thread(ask, self._device.state_dir, request)

    async def _change(self, *command: str) -> None:
        await answered(self._device, *command, "--json")
        self._changed()

    def _changed(self) -> None:
        self._changes += 1
        self._parts.pop("now", None)
        self._made_s = -math.inf

    def live(self) -> AsyncGenerator[LiveLine, None]:
        """Yield who is near; raises NoLiveFeedError."""
        return live(self._device)


def _parts(line: bytes) -> dict[str, Part]:
    raw = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    found = {name: page_files.decoded(bytes(text).decode(), PARTS[name]) for name, text in raw.items()}
    return {name: part for name, part in found.items() if part is not None}
