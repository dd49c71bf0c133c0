"""The owner's pauses: requested by a command, and obeyed immediately by a running agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from bluezone_agent.core.pauses import Mode, Pause
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.control_socket import AgentRequest, Answer
from bluezone_agent.daemon.trusted_clock import TrustedClock, read_clock
from bluezone_agent.daemon.watchdog import STUCK_S, Watchdog, Worker
from bluezone_agent.errors import N_, RadioFault, RadioUnavailableError
from bluezone_agent.ports import Clock
from bluezone_agent.stores.outbox import PauseEnded
from bluezone_agent.stores.store import Store, agent_runs

LOOK_S = 20.0
"""How often a pause is checked: timers stop while the device is suspended."""


def pause(store: Store, clock: Clock, mode: Mode, lasts_s: float) -> Pause:
    """Pause for ``lasts_s``, instead of any other pause; a running agent has done it when this returns.

    Raises StateInUseError when the agent does not answer; it will obey the pause when it starts again.
    """
    reading = read_clock(clock)
    asked = Pause(
        mode,
        lasts_s,
        reading.boot_id,
        reading.uptime_s + lasts_s,
        reading.wall_s + lasts_s,
        clock_trusted=store.timelines.clock_state().after(reading).trusted,
    )
    with store.transaction():
        store.pauses.set(asked)
    _tell(store)
    return asked


def resume(store: Store) -> Pause | None:
    """End any pause and return it. Raises StateInUseError when a running agent does not answer."""
    was = _end(store)
    _tell(store)
    return was


def _end(store: Store) -> Pause | None:
    was = store.pauses.current()
    with store.transaction():
        store.pauses.end()
    return was


def _tell(store: Store) -> None:
    if agent_runs(store.state_dir):
        control_socket.ask(store.state_dir, AgentRequest(control_socket.LOOK_AT_PAUSE))


def paused_error() -> RadioUnavailableError:
    """Return why the radio is not used."""
    return RadioUnavailableError(
        RadioFault.PAUSED,
        N_("paused by its owner"),
        N_('to end it now, run "bluezone-agent resume"; otherwise it ends by itself'),
    )


class PauseControl:
    """The current pause, for the agent's components."""

    def __init__(self, store: Store, time: TrustedClock, watchdog: Watchdog) -> None:
        self._store = store
        self._time = time
        self._watchdog = watchdog
        self._pause = store.pauses.current()
        self._changed = asyncio.Event()
        self.closed = asyncio.Event()
        """Whether the radio is closed; its supervisor sets this."""
        self.closed.set()

    @property
    def mode(self) -> Mode | None:
        """What is paused now; None if nothing is. A pause that has ended is forgotten."""
        pause = self._pause
        if pause is None:
            return None
        if self._left_s(pause) > 0:
            return pause.mode
        self._pause = None
        self._store.enqueue(PauseEnded(pause))
        return None

    @property
    def left_s(self) -> float | None:
        """How much longer :attr:`mode` lasts; None if nothing is paused."""
        return None if self.mode is None or self._pause is None else self._left_s(self._pause)

    def _left_s(self, pause: Pause) -> float:
        now = self._time.look()
        return pause.left_s(now.boot_id, now.uptime_s, now.wall_s if now.trusted else None)

    def answers(self, done: Callable[[], None]) -> dict[str, Answer]:
        """Return what the owner's page may ask for; ``done`` is called before each answer. Raise StoreWriteError."""

        async def begin(asked: AgentRequest) -> None:
            await self._begin(asked)
            done()

        async def resume(_asked: AgentRequest) -> None:
            _end(self._store)
            await self.look()
            done()

        return {control_socket.PAUSE: begin, control_socket.RESUME: resume}

    async def _begin(self, asked: AgentRequest) -> None:
        now, lasts_s = self._time.look(), asked.lasts_s
        pause = Pause(
            asked.mode, lasts_s, now.boot_id, now.uptime_s + lasts_s, now.wall_s + lasts_s, clock_trusted=now.trusted
        )
        with self._store.transaction():
            self._store.pauses.set(pause)
        await self.look()

    async def look(self) -> None:
        """Adopt what a command has written; if that is a pause of the radio, return when it is silent."""
        self._pause = self._store.pauses.current()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if self.mode is Mode.PAUSED:
            await self.closed.wait()

    def require_none(self) -> None:
        """Raise RadioUnavailableError while the radio is paused."""
        if self.mode is Mode.PAUSED:
            raise paused_error()

    async def until_paused(self) -> None:
        """Raise RadioUnavailableError as soon as the radio is to be paused."""
        while True:
            changed = self._changed
            self.require_none()
            await changed.wait()

    async def until_over(self) -> None:
        """Return when the radio may be used again."""
        while self.mode is Mode.PAUSED and self._pause is not None:
            self._watchdog.expect(Worker.SCAN, STUCK_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_S, self._left_s(self._pause))):
                    await self._changed.wait()
