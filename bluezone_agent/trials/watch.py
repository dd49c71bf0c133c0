"""Follows every recorder of a trial that can be reached: on this machine by its socket, elsewhere by the broker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec

from bluezone_agent.ports import Clock
from bluezone_agent.trials import control
from bluezone_agent.trials.folder import TrialFolder
from bluezone_agent.trials.live_line import DECODER, ENDED, LINE_EVERY_S, NODE_SILENT_S, LiveNode, LiveTrial, NodeLine
from bluezone_agent.trials.plan import TrialPlan

LONGEST_LINE: Final = 2**20
FIRST_LINE_S: Final = 3.0
"""A recorder on a busy Pi Zero has answered by then."""


class Connection(Protocol):
    """The broker, as far as a watch asks."""

    @property
    def connected(self) -> bool:
        """Whether it answers."""


@dataclass(frozen=True, slots=True)
class _Known:
    line: NodeLine
    at_up_s: float
    local: bool


class Watch:
    """What is known of each recorder."""

    def __init__(self, trial: TrialFolder, plan: TrialPlan, fingerprint: str, clock: Clock) -> None:
        """``fingerprint`` is the plan's: lines of another plan are ignored."""
        self._trial = trial
        self._plan = plan
        self._fingerprint = fingerprint
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._reading: dict[Path, asyncio.Task[None]] = {}
        self.broker: Connection | None = None

    def receive(self, message: bytes, *, local: bool) -> None:
        """Take a recorder's line; one that is malformed or of another trial is ignored."""
        try:
            line = DECODER.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        now_s = self._clock.uptime_s()
        known = self._known.get(line.device)
        fresh_local = known is not None and known.local and now_s - known.at_up_s < NODE_SILENT_S
        if line.plan == self._fingerprint and self._plan.device(line.device) and (local or not fresh_local):
            self._known[line.device] = _Known(line, now_s, local)

    async def lines(self) -> AsyncGenerator[LiveTrial, None]:
        """Yield the state each second, until every recorder has ended. Close it (``aclosing``).

        Raises TrialError if no recorder runs here and the plan has no broker.
        """
        began_up_s = self._clock.uptime_s()
        try:
            await self._first()
            while True:
                self._read_new_sockets()
                yield (line := self._line(began_up_s))
                if line.nodes and all(node.state.state in ENDED for node in line.nodes) and not line.missing:
                    return
                await asyncio.sleep(LINE_EVERY_S)
        finally:
            for task in self._reading.values():
                task.cancel()
            await asyncio.gather(*self._reading.values(), return_exceptions=True)

    async def _first(self) -> None:
        until_s = self._clock.uptime_s() + FIRST_LINE_S
        while not self._known and self._clock.uptime_s() < until_s:
            self._read_new_sockets()
            await asyncio.sleep(0.05)
            if not self._known and self.broker is None and all(task.done() for task in self._reading.values()):
                break
        if not self._known and self.broker is None:
            raise control.nobody_records(self._trial)

    def _read_new_sockets(self) -> None:
        for path in control.sockets(self._trial):
            if path not in self._reading or self._reading[path].done():
                self._reading[path] = asyncio.create_task(self._read(path))

    async def _read(self, path: Path) -> None:
        with suppress(OSError, ValueError):  # killed, or a line that is too long: its age shows it
            reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=LONGEST_LINE)
            try:
                writer.write(control.WATCH + b"\n")
                while message := await reader.readline():
                    self.receive(message, local=True)
            finally:
                writer.close()

    def _line(self, began_up_s: float) -> LiveTrial:
        now_s = self._clock.uptime_s()
        places = [device.id for device in self._plan.devices]
        nodes = [
            LiveNode(
                state=known.line,
                age_s=round(now_s - known.at_up_s, 1),
                local=known.local,
                dead=known.line.state not in ENDED and now_s - known.at_up_s > NODE_SILENT_S,
            )
            for known in self._known.values()
        ]
        late = self.broker is not None and now_s - began_up_s > NODE_SILENT_S
        return LiveTrial(
            at=datetime.fromtimestamp(int(self._clock.now_s()), UTC),
            trial=self._plan.trial.name,
            nodes=tuple(sorted(nodes, key=lambda node: (not node.local, places.index(node.state.device)))),
            missing=tuple(d.id for d in self._plan.devices if d.runs and d.id not in self._known) if late else (),
            broker_connected=None if self.broker is None else self.broker.connected,
        )
