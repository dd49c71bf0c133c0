"""One device of a trial: advertises its identifiers, records what it receives, and keeps the plan's time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

from bluezone_agent.daemon.failures import first_failure
from bluezone_agent.errors import N_, RadioFault, RadioUnavailableError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.silence import scan_until_silent
from bluezone_agent.trials.append import read_json_lines
from bluezone_agent.trials.folder import EVENTS, Participant, TrialError
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.recorder import Recorder
from bluezone_agent.trials.records import (
    EVENTS_DECODER,
    NS,
    OffAir,
    OnAir,
    PhaseBegan,
    RadioLost,
    ScanBegan,
    ScanEnded,
    SessionBegan,
    TrialBegan,
    TrialEnded,
)
from bluezone_agent.waiting import until_either

RETRY_S: Final = 5.0
SLEW_S: Final = 5.0
"""By how much longer an identifier may be advertised while the clock is slowed down."""


class Beginning:
    """When the trial began on a device."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.up_s: float | None = None
        """By the device's uptime; None before."""

    def unix_s(self) -> float | None:
        """Return it by the device's wall clock as it is now; None before."""
        return None if self.up_s is None else self._clock.now_s() - (self._clock.uptime_s() - self.up_s)


class Node:
    """A device that takes part."""

    def __init__(
        self,
        participant: Participant,
        radio: Radio,
        clock: Clock,
        recorder: Recorder,
        *,
        beginning: Beginning | None = None,
        opened: Callable[[Radio], None] = lambda _radio: None,
        entered: Callable[[str, float], None] = lambda _phase, _seconds: None,
    ) -> None:
        """``beginning`` is told when the trial begins.

        ``opened`` is called when the radio works, ``entered`` with each phase and its length in seconds.
        """
        self._plan = participant.plan
        self._device = participant.device
        self._identifiers = participant.identifiers
        self._folder = participant.folder
        self._radio = radio
        self._clock = clock
        self._recorder = recorder
        self._opened = opened
        self._entered = entered
        self._works = asyncio.Event()
        self._beginning = beginning or Beginning(clock)
        self.radio = ""
        """Description of the radio; empty until it is open."""
        self.fault = ""
        """Why the radio does not work; empty if it works."""
        self.on_air = False
        self.before_phase: dict[str, int] = {}
        """Packets of each other device that were received before the present phase."""

    async def run(self, stop: asyncio.Event) -> bool:
        """Take part until the last phase is over (True) or ``stop`` is set.

        Raises RadioUnavailableError if the radio can't be opened at the start, TrialError if the trial is over.
        """
        before = self._began_before()
        complete = False
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(self._recorder.keep_flushing()), tasks.create_task(self._use_radio())]
                complete = await self._keep_time(before, stop)
                for task in background:
                    task.cancel()
        except ExceptionGroup as failures:
            raise first_failure(failures) from failures
        self._recorder.log(TrialEnded, complete=complete)
        return complete

    def _began_before(self) -> TrialBegan | None:
        began: TrialBegan | None = None
        for event in read_json_lines(self._folder / EVENTS, EVENTS_DECODER):
            if isinstance(event, TrialBegan):
                began = event
            elif isinstance(event, TrialEnded) and event.complete:
                raise TrialError(
                    N_("{device} has recorded this trial to its end"),
                    N_('make another folder with "bluezone-agent trial new", or move {folder} away'),
                    device=self._device.id,
                    folder=self._folder,
                )
        return began

    async def _keep_time(self, before: TrialBegan | None, stop: asyncio.Event) -> bool:
        await self._works.wait()
        began_up_s = self._beginning.up_s = await self._begin(before, stop)
        if began_up_s is None:
            return False
        for starts_s, phase in self._plan.phase_starts_s():
            left_s = began_up_s + starts_s + phase.length_s - self._clock.uptime_s()
            if left_s <= 0:
                continue
            await self._until(began_up_s + starts_s, stop)
            if stop.is_set():
                return False
            self._recorder.log(PhaseBegan, name=phase.name)
            self.before_phase = dict(self._recorder.received)
            self._entered(phase.name, min(left_s, phase.length_s))
        await self._until(began_up_s + self._plan.length_s, stop)
        return not stop.is_set()

    async def _begin(self, before: TrialBegan | None, stop: asyncio.Event) -> float | None:
        """Return the trial's beginning by this boot's uptime, once it has come; None if it was stopped before."""
        clock = self._clock
        if before is not None:
            same_boot = before.boot_id == clock.boot_id
            now_s, then_ns = (clock.uptime_s(), before.boottime_ns) if same_boot else (clock.now_s(), before.wall_ns)
            return clock.uptime_s() - (now_s - then_ns / NS)
        start_s = self._plan.trial.start_s
        if start_s is not None:
            while clock.now_s() < start_s and not stop.is_set():
                await until_either(stop, clock.sleep_until(start_s, at_most_s=math.inf))
        if stop.is_set():
            return None
        began = self._recorder.log(TrialBegan, boot_id=clock.boot_id)
        return began.boottime_ns / NS

    async def _until(self, uptime_s: float, stop: asyncio.Event) -> None:
        while (left_s := uptime_s - self._clock.uptime_s()) > 0 and not stop.is_set():
            await until_either(stop, self._clock.sleep_until(math.inf, at_most_s=left_s))

    async def _use_radio(self) -> None:
        while True:
            try:
                async with self._radio:
                    self._recorder.log(
                        SessionBegan,
                        boot_id=self._clock.boot_id,
                        radio=self._radio.description,
                        scan_mode=self._radio.scan_mode,
                    )
                    self.radio, self.fault = self._radio.description, ""
                    if not self._works.is_set():
                        self._opened(self._radio)
                        self._works.set()
                    await self._work()
            except RadioUnavailableError as error:
                if not self._works.is_set():
                    raise
                self.fault, self.on_air = str(error), False
                self._recorder.log(RadioLost, message=self.fault)
                await asyncio.sleep(RETRY_S)

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._device.broadcasts:
                    tasks.create_task(self._advertise())
                if self._device.listens:
                    tasks.create_task(self._scan())
        except ExceptionGroup as failures:
            raise first_failure(failures) from failures

    async def _advertise(self) -> None:
        identifiers, clock = self._identifiers, self._clock
        while True:
            rotation = identifiers.rotation_at(clock.now_s())
            ends_at_s = (rotation + 1) * identifiers.rotation_s
            key, slot = identifiers.slot(self._device.id, rotation)
            try:
                known_dbm = await self._radio.prepare(ends_at_s - clock.now_s())
                power_dbm = self._plan.radio.tx_power_dbm if known_dbm is None else known_dbm
                await self._radio.advertise(identifiers.protocol.encode(key, slot, power_dbm))
                self.fault, self.on_air = "", True
                self._recorder.log(OnAir, rotation=rotation, power_dbm=power_dbm, measured=known_dbm is not None)
            except RadioUnavailableError as error:
                if error.reason is not RadioFault.NO_BROADCAST:
                    raise
                self.fault, self.on_air = str(error), False
                self._recorder.log(OffAir)
                self._recorder.log(RadioLost, message=self.fault)
            left_s = ends_at_s - clock.now_s()
            await clock.sleep_until(ends_at_s, at_most_s=left_s + SLEW_S)

    async def _scan(self) -> None:
        scan = self._plan.radio.scan
        if not isinstance(scan, Schedule):
            while True:
                await self._listen(None)
        while True:
            await self._listen(scan.on_s)
            await asyncio.sleep(scan.every_s - scan.on_s)

    async def _listen(self, seconds: float | None) -> None:
        """Scan for some time, or until nothing was received for so long that the scan may be stuck."""
        self._recorder.log(ScanBegan)
        try:
            async with asyncio.timeout(seconds):
                await scan_until_silent(self._radio, self._clock, self._recorder.receives)
        except TimeoutError:
            pass
        finally:
            self._recorder.log(ScanEnded)
