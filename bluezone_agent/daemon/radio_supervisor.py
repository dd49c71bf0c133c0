"""Keeps a radio working: an identifier is advertised, a scan receives, and the store has the true state of both.

A session is one opening of the radio: a new identifier is advertised, then the scan starts. Failures are fixed by the
cheapest means first:

1. a scan that is refused or falls silent is restarted; the advertisement stays as it is
2. the radio is reopened, with a new identifier under a new address
3. it is switched off and on, if the operator allows that
4. the supervisor waits for it, for ever, and `status` says since when and why

While its owner has paused it, the radio is closed, and nothing has to be fixed.

The supervisor waits for a radio that never worked since the start only if asked to: otherwise
:meth:`RadioSupervisor.run` raises the reason, so that the person who started it sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import SystemRandom
from typing import Final

import structlog

from bluezone_agent.core.reception import Advert
from bluezone_agent.daemon.backoff import Backoff
from bluezone_agent.daemon.failures import first_failure
from bluezone_agent.daemon.pause_control import PauseControl
from bluezone_agent.daemon.radio_history import RadioHistory
from bluezone_agent.daemon.rotation import Rotation
from bluezone_agent.daemon.watchdog import STUCK_S, Watchdog, Worker
from bluezone_agent.errors import N_, RadioFault, RadioUnavailableError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.silence import LOOK_S, scan_until_silent

log: Final = structlog.get_logger()

RANDOM: Final = SystemRandom()

SCAN_REST_S: Final = 1.0
"""Between stop and start: bluetoothd itself restarts discovery within 40 ms, which does not fix a stuck scanner."""
PROVED_DEAF_S: Final = 30.0
"""A device received this soon after a silent scan was restarted was there before: three packets at one per 11 s."""
SCAN_STARTS: Final = 3
"""If it is refused more often in a row than this, the scan is not the problem."""
SILENT_SCANS: Final = 9
"""9 x 95 s is a slot of 15 minutes: the next identifier is advertised after the radio was reopened."""
SILENT_SESSIONS: Final = 4
"""An hour of silence, with the scan started 36 times and the radio opened 4 times."""
SUSPENDED_S: Final = 30.0
"""A suspend of the device that is longer than this ends the session; shorter ones do not even end a contact minute."""
HEALTHY_S: Final = 60.0
"""A session this long resets the count of failures."""
POWER_CYCLE_AFTER: Final = 5
"""Failures in a row, 1 + 2 + 4 + 8 + 16 s: temporary faults have passed by then."""
POWER_CYCLE_EVERY_S: Final = 3600.0
"""Other programs use the adapter too, and a second power cycle rarely fixes what the first did not."""

ANNOUNCED: Final = frozenset(
    {
        RadioFault.NO_BLUETOOTH,
        RadioFault.NO_ADAPTER,
        RadioFault.POWERED_OFF,
        RadioFault.LINKABLE,
        RadioFault.LOST,
        RadioFault.YIELDED,
    }
)
"""States whose end the radio can signal; other failures end without a signal."""
AT_ONCE: Final = frozenset({RadioFault.SILENT, RadioFault.SUSPENDED})
"""The radio itself did not fail: it is reopened without a wait."""
FIXED_BY_POWER: Final = frozenset({RadioFault.REFUSED, RadioFault.LOST, RadioFault.SILENT})
"""These were not caused on purpose by a person or the system."""


class RadioSupervisor:
    """One radio, from its first opening until the supervisor is cancelled."""

    def __init__(
        self,
        radio: Radio,
        rotation: Rotation,
        record: RadioHistory,
        clock: Clock,
        received: Callable[[Advert], None],
        *,
        pause_control: PauseControl,
        watchdog: Watchdog,
        allow_power_cycle: bool = False,
        wait_for_radio: bool = False,
        random: Callable[[], float] = RANDOM.random,
    ) -> None:
        """``received`` gets every advert; ``random`` is uniform in [0, 1).

        ``wait_for_radio``: whether to wait for a radio that can't be used at the start.
        """
        self._radio = radio
        self._rotation = rotation
        self._record = record
        self._clock = clock
        self._pass_on = received
        self._pause_control = pause_control
        self._watchdog = watchdog
        self._allow_power_cycle = allow_power_cycle
        self._wait_for_radio = wait_for_radio
        self._backoff = Backoff(random)
        self.started = asyncio.Event()
        """Set when the radio works for the first time, or the supervisor waits for it."""
        self.first_scan_done = asyncio.Event()
        """Set when a scan has lasted for :data:`LOOK_S`, the first scan window, or the supervisor waits for the
        radio."""
        self._broken: asyncio.Future[None] | None = None
        """Belongs to the session that took an identifier: whoever finds the session broken sets it."""
        self._silent_scans = 0
        self._silent_sessions = 0
        self._drift_s = 0.0
        """How far uptime is ahead of the timers, which stop while the device is suspended."""
        self._silence = (0.0, 0.0)
        """Wall time from when to when the last scan that fell silent received nothing."""
        self._scan_up_s = 0.0
        self._power_cycled_up_s = -POWER_CYCLE_EVERY_S

    async def run(self) -> None:
        """Keep the radio working; returns at the end of a recording.

        Raises RadioUnavailableError when the radio can't be used at the start, unless it is to wait for it.
        """
        while True:
            opened_up_s = self._clock.uptime_s()
            self._watchdog.expect(Worker.SCAN, STUCK_S)
            try:
                await self._session()
            except RadioUnavailableError as error:
                paused = error.reason is RadioFault.PAUSED
                if not (self.started.is_set() or self._wait_for_radio or paused):
                    raise
                self.started.set()
                self.first_scan_done.set()
                self._watchdog.clear(Worker.ROTATION)
                self._record.fails(error)
                was_on_air, self._broken = self._broken is not None and not error.kept_off_air, None
                lasted_s = self._clock.uptime_s() - opened_up_s
                if lasted_s >= HEALTHY_S:
                    self._backoff.worked()
                if paused:
                    await self._pause_control.until_over()
                elif error.reason in AT_ONCE and lasted_s >= LOOK_S:
                    await self._after_silence()
                else:
                    await self._recover(error, was_on_air=was_on_air)
            else:
                return

    async def renew(self) -> None:
        """Advertise another identifier now; if there is no session, the next one begins with another anyway.

        Raises RadioUnavailableError when that fails; then the session is over.
        """
        broken = self._broken
        if broken is None:
            return
        try:
            await self._rotation.rotate()
        except RadioUnavailableError as error:
            if not broken.done():
                broken.set_exception(error)
            raise

    async def _session(self) -> None:
        self._pause_control.require_none()
        self._pause_control.closed.clear()
        try:
            async with self._radio:
                loop = asyncio.get_running_loop()
                self._broken, self._drift_s = loop.create_future(), self._clock.uptime_s() - loop.time()
                await self._rotation.rotate()  # before the scan: a legacy controller can't do this while it scans
                self._record.sessions += 1
                self.started.set()
                await self._work(self._broken)
        except ExceptionGroup as failures:
            raise first_failure(failures) from failures
        finally:
            self._pause_control.closed.set()

    async def _work(self, broken: asyncio.Future[None]) -> None:
        async def until_broken() -> None:
            await broken

        async with asyncio.TaskGroup() as workers:
            running = [
                workers.create_task(work)
                for work in (self._rotate(), until_broken(), self._pause_control.until_paused())
            ]
            await self._listen()
            for worker in running:
                worker.cancel()

    async def _rotate(self) -> None:
        while True:
            await self._rotation.slot_over()
            if self._silent_scans >= SILENT_SCANS:
                self._silent_sessions += 1
                raise _silent(self._silent_scans)
            await self._rotation.rotate()

    def _require_awake(self) -> None:
        """End the session after a suspend: its identifier may be hours old, and its scan may be dead."""
        drift_s = self._clock.uptime_s() - asyncio.get_running_loop().time()
        slept_s, self._drift_s = drift_s - self._drift_s, drift_s
        if slept_s > SUSPENDED_S:
            self._record.was_suspended(slept_s)
            raise _suspended(slept_s)

    async def _listen(self) -> None:
        """Scan until a recording ends; restart a scan that is refused or falls silent."""
        refused = 0
        while True:
            self._require_awake()
            self._record.works(self._radio)
            try:
                if await self._scan():
                    return
                refused = 0
            except RadioUnavailableError as error:
                refused += 1
                if error.reason is not RadioFault.REFUSED or refused >= SCAN_STARTS:
                    raise
                self._record.fails(error)
            self._record.scan_starts_again()
            await asyncio.sleep(SCAN_REST_S * refused or SCAN_REST_S)

    async def _scan(self) -> bool:
        """Return True at the end of a recording, False when nothing was received for too long."""
        self._scan_up_s = self._clock.uptime_s()
        silent_s = await scan_until_silent(self._radio, self._clock, self._received, self._look)
        if silent_s is None:
            return True
        self._silent_scans += 1
        self._silence = self._clock.now_s() - silent_s, self._clock.now_s()
        return False

    def _look(self) -> None:
        self._watchdog.expect(Worker.SCAN, STUCK_S)
        self._rotation.radio_works()
        self.first_scan_done.set()
        self._require_awake()

    def _received(self, advert: Advert) -> None:
        if self._silent_scans:
            self._received_again()
        self._pass_on(advert)

    def _received_again(self) -> None:
        if self._clock.uptime_s() - self._scan_up_s <= PROVED_DEAF_S:
            self._record.was_deaf(*self._silence)
        self._silent_scans = self._silent_sessions = 0

    async def _recover(self, error: RadioUnavailableError, *, was_on_air: bool) -> None:
        """Return when it is worth opening the radio again."""
        self._backoff.failed(was_on_air=was_on_air)
        if error.reason in FIXED_BY_POWER and self._backoff.failures % POWER_CYCLE_AFTER == 0:
            await self._power_cycle()
        calm_s, wait_s = self._backoff.calm_s(), self._backoff.wait_s()
        self._watchdog.expect(Worker.SCAN, calm_s + wait_s + STUCK_S)
        await asyncio.sleep(calm_s if error.reason in ANNOUNCED else max(calm_s, wait_s))
        if error.reason in ANNOUNCED:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._radio.becomes_usable()

    async def _after_silence(self) -> None:
        if self._silent_sessions and self._silent_sessions % SILENT_SESSIONS == 0:
            await self._power_cycle()

    async def _power_cycle(self) -> None:
        now_up_s = self._clock.uptime_s()
        if not self._allow_power_cycle or now_up_s - self._power_cycled_up_s < POWER_CYCLE_EVERY_S:
            return
        self._power_cycled_up_s = now_up_s
        self._record.power_cycles += 1
        log.warning("power_cycle")
        try:
            await self._radio.power_cycle()
        except RadioUnavailableError as error:
            log.warning("power_cycle_failed", message=str(error))


def _silent(scans: int) -> RadioUnavailableError:
    return RadioUnavailableError(
        RadioFault.SILENT,
        N_("nothing was received although the scan was restarted {n} times"),
        N_("this is normal when no device is nearby; the radio is being reopened"),
        n=scans,
    )


def _suspended(seconds: float) -> RadioUnavailableError:
    return RadioUnavailableError(
        RadioFault.SUSPENDED,
        N_("the device was suspended for {minutes} min"),
        minutes=round(seconds / 60),
    )
