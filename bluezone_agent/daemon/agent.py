"""The agent: its parts, wired, under one TaskGroup."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from bluezone_agent.core.identifiers import ProximityProtocol
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.contact_writer import Listening
from bluezone_agent.daemon.failures import first_failure
from bluezone_agent.daemon.identity import Identity, cut_running_key
from bluezone_agent.daemon.pause_control import Pausing
from bluezone_agent.daemon.radio_history import RadioRecord
from bluezone_agent.daemon.radio_supervisor import Supervision
from bluezone_agent.daemon.rotation import Rotation
from bluezone_agent.daemon.schedule import CHECK_JITTER_S, Job, repeat
from bluezone_agent.daemon.trusted_clock import Now, Timekeeper
from bluezone_agent.daemon.watchdog import Progress
from bluezone_agent.errors import StoreWriteError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.stores.file.quarantine import delete_old
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
    check: Job | None
    """Fetches case files and matches them; its errors are its own to record. None where a timer does it."""
    sources: int = 0
    """How many sources the check reads; a check that is overdue is a fault only where there are some."""
    check_every_hours: int = 4
    allow_power_cycle: bool = False
    """Whether a radio that nothing else mends may be switched off and on."""
    linkable_anyway: tuple[str, ...] = ()
    """What the operator accepts although it links identifiers; for `status` to say."""
    witnesses: int = 0
    """How many other adapters listen, each of which hears the own broadcast; without one nobody here can prove it."""
    random_bytes: Callable[[int], bytes] = field(default=secrets.token_bytes)
    progress: Progress = field(default_factory=Progress)
    """What the workers have promised to have done by when; for a watchdog."""
    beside: tuple[Job, ...] = ()
    """What else runs, for ever, from when the first scan window is over, or the radio is waited for."""
    patient: bool = False
    """Whether a radio that can't be used at the start is waited for."""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; then withdraw the broadcast and commit what was heard.

        Raises RadioUnavailableError when there is no radio at the start, unless it is patient; one that is lost later
        is waited for.
        """
        time = Timekeeper(self.clock, self.store)
        identity = Identity(
            self.store,
            time,
            self.protocol,
            tx_power_dbm=self.tx_power_dbm,
            random_bytes=self.random_bytes,
        )
        pausing = Pausing(self.store, time, self.progress)
        listening = Listening(self.store, self.clock, time, identity.is_own, pausing=pausing, progress=self.progress)
        supervision = Supervision(
            self.radio,
            Rotation(identity, self.store, self.radio, self.clock, self.progress),
            RadioRecord(self.store, self.clock),
            self.clock,
            listening.heard,
            pausing=pausing,
            progress=self.progress,
            allow_power_cycle=self.allow_power_cycle,
            patient=self.patient,
        )
        try:
            await self._work(supervision, listening, pausing, time, stop)
        except ExceptionGroup as failures:
            raise first_failure(failures) from failures
        finally:
            listening.finish()
            log.info("stopped")

    async def _work(
        self,
        supervision: Supervision,
        listening: Listening,
        pausing: Pausing,
        time: Timekeeper,
        stop: asyncio.Event,
    ) -> None:
        async def replace_key() -> None:
            cut_running_key(self.store)
            await supervision.renew()

        async def supervise() -> None:
            await supervision.run()
            stop.set()  # a recording has ended

        async def expire() -> None:
            self._expire(time.look())

        async def work_once_started() -> None:
            await supervision.started.wait()
            self._say_started()
            answers = {control_socket.REPLACE_KEY: replace_key, control_socket.LOOK_AT_PAUSE: pausing.look}
            async with asyncio.TaskGroup() as workers:
                workers.create_task(listening.write_minutes())
                if self.check:
                    workers.create_task(repeat(self.clock, self.check_every_hours, self.check, jitter_s=CHECK_JITTER_S))
                workers.create_task(repeat(self.clock, EXPIRY_HOURS, expire))
                workers.create_task(control_socket.serve(self.store.state_dir, answers))
                await supervision.settled.wait()
                for job in self.beside:
                    workers.create_task(job())

        async with asyncio.TaskGroup() as workers:
            running = [workers.create_task(supervise()), workers.create_task(work_once_started())]
            await stop.wait()
            for worker in running:
                worker.cancel()

    def _say_started(self) -> None:
        now_s = self.clock.now_s()
        detail = {
            "protocol": self.protocol.name,
            "sources": self.sources,
            "witnesses": self.witnesses,
            "linkable_anyway": list(self.linkable_anyway),
        }
        self.store.write(lambda: self.store.mark("start", now_s, **detail))
        log.info("started", radio=self.radio.description, protocol=self.protocol.name)

    def _expire(self, now: Now) -> None:
        try:
            if now.settled:
                self.store.expire(now.wall_s)
                for path in delete_old(self.store.state_dir, now.wall_s):
                    log.warning("damaged_store_deleted", path=str(path))
            gone = self.store.cap()
        except StoreWriteError as error:  # the next hour is soon enough
            log.error("not_expired", reason=str(error))
            return
        if gone:
            log.warning("oldest_contacts_deleted", minutes=gone, reason="the store has reached its greatest size")
