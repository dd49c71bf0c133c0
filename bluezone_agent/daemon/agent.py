"""The agent: its components, connected under one TaskGroup."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from bluezone_agent.core.attenuation import ASSUMED_TX_POWER_DBM
from bluezone_agent.core.identifiers import ProximityProtocol
from bluezone_agent.core.journal import Started
from bluezone_agent.core.neighbours import Neighbours
from bluezone_agent.core.pauses import Mode
from bluezone_agent.core.reception import Sighting
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.contact_writer import ContactWriter
from bluezone_agent.daemon.control_socket import AgentRequest, Answer
from bluezone_agent.daemon.door_control import DoorControl
from bluezone_agent.daemon.failures import first_failure
from bluezone_agent.daemon.identity import Identity, delete_future_keys, end_running_key
from bluezone_agent.daemon.live_feed import LiveFeed
from bluezone_agent.daemon.live_view import LiveView
from bluezone_agent.daemon.pause_control import PauseControl
from bluezone_agent.daemon.proof_recorder import ProofRecorder
from bluezone_agent.daemon.radio_history import RadioHistory
from bluezone_agent.daemon.radio_supervisor import RadioSupervisor
from bluezone_agent.daemon.rotation import Rotation
from bluezone_agent.daemon.schedule import CHECK_JITTER_S, Job, repeat
from bluezone_agent.daemon.trusted_clock import Now, TrustedClock
from bluezone_agent.daemon.watchdog import Watchdog
from bluezone_agent.door.settings import DoorSettings
from bluezone_agent.errors import StoreError, StoreWriteError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.stores.file.quarantine import delete_old
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()

EXPIRY_HOURS: Final = 1
PSEUDONYM_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class _Parts:
    """The components of one run."""

    time: TrustedClock
    pause_control: PauseControl
    writer: ContactWriter
    supervisor: RadioSupervisor
    feed: LiveFeed
    door: DoorControl


@dataclass(frozen=True, slots=True)
class Agent:
    """One device: it advertises, scans, stores and checks until it is told to stop."""

    store: Store
    radio: Radio
    clock: Clock
    protocol: ProximityProtocol
    tx_power_dbm: int
    check: Job | None
    """Fetches diagnosis key files and matches them; it records its own errors. None if a timer runs it."""
    sources: int = 0
    """How many sources the check reads; an overdue check is a fault only if there are any."""
    check_every_hours: int = 4
    assumed_tx_power_dbm: int = ASSUMED_TX_POWER_DBM
    """Of devices whose advertisements state none that can be read; for the live feed."""
    allow_power_cycle: bool = False
    """Whether a radio that nothing else fixes may be switched off and on."""
    allow_linkable: tuple[str, ...] = ()
    """What the operator allows although it makes identifiers linkable; `status` shows it."""
    monitor_adapters: int = 0
    """How many other adapters listen, each of which receives this device's advertisements; without one, this device
    can't prove that it transmits."""
    random_bytes: Callable[[int], bytes] = field(default=secrets.token_bytes)
    watchdog: Watchdog = field(default_factory=Watchdog)
    """What the workers are expected to have done by when; for the watchdog."""
    started: Callable[[str, str, str], None] | None = None
    """Called with radio, scan mode and protocol when the agent starts to transmit; not if it starts with a pause."""
    background_jobs: tuple[Job, ...] = ()
    """Other jobs that run for ever, starting when the first scan window is over or the agent waits for the radio."""
    pause_changed: Callable[[], None] = lambda: None
    """Called when the owner's page has paused or resumed, before it is answered."""
    page_answers: Mapping[str, Answer] = field(default_factory=dict)
    """What else the owner's page may ask for."""
    page_folder: Path | None = None
    """The folder of the owner's page, which may ask for a pause there; None without such a page."""
    door: DoorSettings = field(default_factory=DoorSettings)
    """Of a door that its owner may open."""
    wait_for_radio: bool = False
    """Whether to wait for a radio that can't be used at the start."""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; then stop advertising and commit what was received.

        Raises RadioUnavailableError if there is no radio at the start, unless it is to wait for one; if the radio is
        lost later, the agent waits for it.
        """
        parts = self._parts()
        try:
            await self._work(parts, stop)
        except ExceptionGroup as failures:
            raise first_failure(failures) from failures
        finally:
            parts.writer.finish()
            log.info("stopped")

    def _parts(self) -> _Parts:
        time = TrustedClock(self.clock, self.store, partial(delete_future_keys, self.store))
        identity = Identity(
            self.store,
            time,
            self.protocol,
            tx_power_dbm=self.tx_power_dbm,
            random_bytes=self.random_bytes,
        )
        pause_control = PauseControl(self.store, time, self.watchdog)
        neighbours = Neighbours(secrets.token_bytes(PSEUDONYM_KEY_BYTES))
        history = RadioHistory(self.store, self.clock)
        door = DoorControl(self.store.state_dir, self.door, self.clock, time, history)

        def seen(sighting: Sighting) -> None:
            neighbours.received(sighting.observed, sighting.rssi_dbm, self.clock.uptime_s())
            door.seen(sighting)

        writer = ContactWriter(
            self.store,
            self.clock,
            time,
            identity.is_own,
            ProofRecorder(self.store).received,
            seen=seen,
            pause_control=pause_control,
            watchdog=self.watchdog,
        )
        rotation = Rotation(identity, self.store, self.radio, self.clock, self.watchdog)
        supervisor = RadioSupervisor(
            self.radio,
            rotation,
            history,
            self.clock,
            writer.received,
            pause_control=pause_control,
            watchdog=self.watchdog,
            allow_power_cycle=self.allow_power_cycle,
            wait_for_radio=self.wait_for_radio,
        )
        view = LiveView(
            self.store,
            time,
            neighbours,
            writer,
            pause_control,
            history,
            rotation,
            self.protocol.name,
            self.assumed_tx_power_dbm,
            door.now,
        )
        feed = LiveFeed(view.line)
        door.changed = feed.hurry
        return _Parts(time, pause_control, writer, supervisor, feed, door)

    async def _work(self, parts: _Parts, stop: asyncio.Event) -> None:
        supervisor, pause_control = parts.supervisor, parts.pause_control

        async def replace_key(_request: AgentRequest) -> None:
            end_running_key(self.store)
            await supervisor.renew()

        async def supervise() -> None:
            await supervisor.run()
            stop.set()  # a recording has ended

        async def expire() -> None:
            self._expire(parts.time.look(), parts.door)

        async def work_once_started() -> None:
            await supervisor.started.wait()
            self._say_started()
            if self.started is not None and pause_control.mode is not Mode.PAUSED:
                self.started(self.radio.description, self.radio.scan_mode, self.protocol.name)
            of_door = parts.door.answers()
            answers = {
                control_socket.REPLACE_KEY: replace_key,
                control_socket.LOOK_AT_PAUSE: lambda _request: pause_control.look(),
                **of_door,
            }
            of_page = {**self.page_answers, **pause_control.answers(self.pause_changed), **of_door}
            async with asyncio.TaskGroup() as workers:
                workers.create_task(parts.writer.write_minutes())
                if self.check:
                    workers.create_task(repeat(self.clock, self.check_every_hours, self.check, jitter_s=CHECK_JITTER_S))
                workers.create_task(repeat(self.clock, EXPIRY_HOURS, expire))
                workers.create_task(control_socket.serve(control_socket.control_path(self.store.state_dir), answers))
                workers.create_task(control_socket.serve_page(self.page_folder, of_page))
                workers.create_task(parts.door.keep_time())
                workers.create_task(parts.feed.serve(self.store.state_dir, self.page_folder))
                await supervisor.first_scan_done.wait()
                for job in self.background_jobs:
                    workers.create_task(job())

        async with asyncio.TaskGroup() as workers:
            running = [workers.create_task(supervise()), workers.create_task(work_once_started())]
            await stop.wait()
            for worker in running:
                worker.cancel()

    def _say_started(self) -> None:
        now_s = int(self.clock.now_s())
        self.store.post(
            Started(now_s, self.protocol.name, self.sources, self.monitor_adapters, tuple(self.allow_linkable))
        )
        log.info("started", radio=self.radio.description, protocol=self.protocol.name)

    def _expire(self, now: Now, door: DoorControl) -> None:
        try:
            if now.stable:
                self._expire_door(door, now.wall_s)
                self.store.expire(now.wall_s)
                for path in delete_old(self.store.state_dir, now.wall_s):
                    log.warning("damaged_store_deleted", path=str(path))
            gone = self.store.cap()
        except StoreWriteError as error:  # the next hour is soon enough
            log.error("expiry_failed", reason=str(error))
            return
        if gone:
            log.warning("oldest_contacts_deleted", minutes=gone, reason="the store has reached its maximum size")

    def _expire_door(self, door: DoorControl, wall_s: float) -> None:
        try:
            door.expire(wall_s)
        except StoreError as error:  # what is kept of a door must not end the agent
            log.error("door_not_expired", reason=str(error))
