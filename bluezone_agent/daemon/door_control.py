"""The door that the agent's owner opens: it counts in the agent, whatever terminal or page looks on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from bluezone_agent.core.door import DoorAsked, DoorNow
from bluezone_agent.core.reception import Sighting
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.control_socket import AgentRequest, Answer
from bluezone_agent.daemon.open_door import OpenDoor
from bluezone_agent.daemon.radio_history import RadioHistory
from bluezone_agent.daemon.trusted_clock import TrustedClock
from bluezone_agent.door.refusals import refused
from bluezone_agent.door.settings import DoorSettings
from bluezone_agent.door.store import FILE_NAME, DoorStore, open_or_begin
from bluezone_agent.errors import DoorRefusal
from bluezone_agent.ports import Clock

log: Final = structlog.get_logger()

TICK_S: Final = 0.25
"""How often time passes for an open door: the end of green is shown at most this late."""


class DoorControl:
    """Open or closed; closed at the start."""

    def __init__(
        self, state_dir: Path, settings: DoorSettings, clock: Clock, time: TrustedClock, radio: RadioHistory
    ) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._clock = clock
        self._time = time
        self._radio = radio
        self._open: OpenDoor | None = None
        self._opened = asyncio.Event()
        self.changed: Callable[[], None] = lambda: None
        """Called when the guard sees something new."""

    def seen(self, sighting: Sighting) -> None:
        """Take a packet; it costs nothing while no door is open."""
        if self._open is not None and self._open.packet(sighting):
            self.changed()

    async def keep_time(self) -> None:
        """Let time pass while the door is open, until cancelled; then close it."""
        try:
            while True:
                await self._opened.wait()
                await asyncio.sleep(TICK_S)
                if self._open is not None and self._open.tick():
                    self.changed()
        finally:
            self._close()

    def now(self) -> DoorNow | None:
        """Return what the guard sees; None while the door is closed."""
        return None if self._open is None else self._open.now()

    def expire(self, wall_s: float) -> None:
        """Delete old passages and labels, if there are any; ``wall_s`` is stable. Raises StoreError."""
        if self._open is not None:
            self._expire(self._open.store, wall_s)
        elif (self._state_dir / FILE_NAME).exists():
            with DoorStore(self._state_dir) as store:
                self._expire(store, wall_s)

    def _expire(self, store: DoorStore, wall_s: float) -> None:
        days = self._settings.retention_days
        if gone := store.expire(wall_s, retention_days=days, label_days=self._settings.kept_label_days):
            log.info("door_expired", rows=gone)

    def answers(self) -> dict[str, Answer]:
        """Return what the guard may ask for. They raise DoorError, StoreError."""
        return {
            control_socket.DOOR_OPEN: self._answer(self._be_open),
            control_socket.DOOR_CLOSE: self._answer(lambda _asked: self._close()),
            control_socket.DOOR_DIRECTION: self._answer(lambda asked: self._door().turn(asked.direction)),
            control_socket.DOOR_NO_DEVICE: self._answer(lambda _asked: self._door().no_device()),
            control_socket.DOOR_LABEL: self._answer(lambda asked: self._door().label(asked.label.strip())),
            control_socket.DOOR_UNDO: self._answer(lambda _asked: self._door().undo()),
            control_socket.DOOR_CALIBRATE: self._answer(lambda _asked: self._door().calibrate()),
        }

    def _answer(self, act: Callable[[DoorAsked], None]) -> Callable[[AgentRequest], Awaitable[None]]:
        async def answer(request: AgentRequest) -> None:
            act(request.door or DoorAsked())
            self.changed()

        return answer

    def _be_open(self, asked: DoorAsked) -> None:
        if self._open is None:
            store = open_or_begin(self._state_dir)
            self._open = OpenDoor(self._settings, store, self._clock, self._time, self._radio)
            self._opened.set()
            log.info("door_opened")
        if asked.direction is not None:
            self._open.turn(asked.direction)

    def _close(self) -> None:
        if self._open is not None:
            self._open.store.close()
            self._open = None
            self._opened.clear()
            log.info("door_closed")

    def _door(self) -> OpenDoor:
        if self._open is None:
            raise refused(DoorRefusal.CLOSED)
        return self._open
