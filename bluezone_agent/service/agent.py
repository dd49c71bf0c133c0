"""The agent: its parts, wired, under one TaskGroup."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from bluezone_agent.core.identifiers import ProximityProtocol
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.service import control
from bluezone_agent.service.identity import Identity, cut_running_key
from bluezone_agent.service.listening import Listening
from bluezone_agent.service.rotation import Rotation
from bluezone_agent.service.schedule import CHECK_JITTER_S, Job, repeat
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()

EXPIRY_HOURS: Final = 1


@dataclass(frozen=True, slots=True)
class Agent:
    """One device: it broadcasts, listens, keeps and checks until it is told to stop."""

    store: Store
    radio: Radio
    clock: Clock
    protocol: ProximityProtocol
    tx_power_dbm: int
    check: Job
    """Fetches case files and matches them; its errors are its own to record."""
    sources: int = 0
    """How many sources the check reads; a check that is overdue is a fault only where there are some."""
    check_every_hours: int = 4
    random_bytes: Callable[[int], bytes] = field(default=secrets.token_bytes)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; then withdraw the broadcast and commit what was heard.

        Raises RadioUnavailableError when there is no radio or when it is lost.
        """
        listening = Listening(self.store, self.clock)
        identity = Identity(
            self.store,
            self.clock,
            self.protocol,
            tx_power_dbm=self.tx_power_dbm,
            random_bytes=self.random_bytes,
        )
        try:
            async with self.radio:
                rotation = Rotation(identity, self.store, self.radio, self.clock)
                self._say_started()
                await rotation.rotate()  # before the first scan: a legacy controller can't while it scans
                await self._work(rotation, listening, stop)
        finally:
            listening.commit()
            log.info("stopped")

    def _say_started(self) -> None:
        with self.store.transaction():
            self.store.mark(
                "start",
                self.clock.now_s(),
                radio=self.radio.description,
                protocol=self.protocol.name,
                clock_trusted=self.clock.trusted(),
                sources=self.sources,
            )
        log.info("started", radio=self.radio.description, protocol=self.protocol.name)

    async def _work(self, rotation: Rotation, listening: Listening, stop: asyncio.Event) -> None:
        async def replace_key() -> None:
            cut_running_key(self.store)
            await rotation.rotate()

        async def listen() -> None:
            await self.radio.listen(listening.heard)
            stop.set()  # a recording has ended

        try:
            async with asyncio.TaskGroup() as workers:
                running = [
                    workers.create_task(rotation.run()),
                    workers.create_task(listen()),
                    workers.create_task(listening.write_minutes()),
                    workers.create_task(
                        repeat(self.clock, self.check_every_hours, self.check, jitter_s=CHECK_JITTER_S)
                    ),
                    workers.create_task(repeat(self.clock, EXPIRY_HOURS, self._expire)),
                    workers.create_task(control.serve(self.store.state_dir, {control.REPLACE_KEY: replace_key})),
                ]
                await stop.wait()
                for worker in running:
                    worker.cancel()
        except ExceptionGroup as failures:
            raise _first(failures) from failures

    async def _expire(self) -> None:
        if self.clock.trusted():
            self.store.expire(self.clock.now_s())


def _first(failures: ExceptionGroup) -> Exception:
    """Return the failure that a person can act on; the others followed from it."""
    leaf: Exception = failures
    while isinstance(leaf, ExceptionGroup):
        leaf = leaf.exceptions[0]
    return leaf
