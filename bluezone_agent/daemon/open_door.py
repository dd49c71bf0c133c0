"""An open door: its packets, its passages, and what its guard sees."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

import structlog

from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.door import LONGEST_LABEL, Direction, DoorCounts, DoorNow, DoorState, LastPassage, Passage
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.packet_share import SPARSE_SCAN_MODE
from bluezone_agent.core.reception import Sighting
from bluezone_agent.daemon.radio_history import RadioHistory
from bluezone_agent.daemon.trusted_clock import TrustedClock
from bluezone_agent.door.calibration import SHOWN_S, GuidedCalibration
from bluezone_agent.door.engine import DoorEngine
from bluezone_agent.door.refusals import refused
from bluezone_agent.door.settings import DoorSettings
from bluezone_agent.door.store import DoorStore, MeasuredThreshold
from bluezone_agent.errors import DoorRefusal, StoreError
from bluezone_agent.ports import Clock

log: Final = structlog.get_logger()

COUNTS_S: Final = 10.0
"""How old the shown counts may be."""
UNDOABLE: Final = 20
"""Passages that can be taken back, the newest first."""


class OpenDoor:
    """From when it was opened until it is closed."""

    def __init__(
        self, settings: DoorSettings, store: DoorStore, clock: Clock, time: TrustedClock, radio: RadioHistory
    ) -> None:
        """Count in ``store``, with the threshold that was measured with this radio."""
        self.store = store
        self._settings = settings
        self._clock = clock
        self._time = time
        self._radio = radio
        self._radio_name = radio.state.description if radio.state else ""
        measured = store.threshold(self._radio_name)
        rule = settings.rule if measured is None else replace(settings.rule, threshold_dbm=measured.threshold_dbm)
        self._calibrated = measured is not None
        self._engine = DoorEngine(rule)
        self._engine.since_s = clock.uptime_s()
        self._undoable: deque[tuple[LastPassage, Hashable]] = deque(maxlen=UNDOABLE)
        """Passages since it was opened, each with the key of its device; None without one."""
        self._calibration: GuidedCalibration | None = None
        self._calibration_began_s = 0.0
        self._adopted = False
        """Whether the result of the calibration is in force."""
        self._day = date.min
        self._counts = DoorCounts()
        self._counted_s = 0.0
        self._count_again()

    def packet(self, sighting: Sighting) -> bool:
        """Take a packet; return whether the guard sees something new."""
        at_s, key, protocol = self._clock.uptime_s(), sighting.observed, sighting.observed.protocol
        if self._calibration is not None:
            self._calibration.packet(key, sighting.rssi_dbm, at_s - self._calibration_began_s)
            return False
        before = self._shown
        if self._engine.packet(key, protocol, sighting.rssi_dbm, at_s):
            try:
                self._count(protocol, key)
            except StoreError as error:
                self._engine.take_back(key)
                log.error("passage_not_written", reason=str(error))
        return self._shown != before

    def tick(self) -> bool:
        """Let time pass; return whether the guard sees something new."""
        at_s, before = self._clock.uptime_s(), self._shown
        self._engine.tick(at_s)
        changed = self._calibrate(at_s)
        if self._day != self._today() or at_s - self._counted_s >= COUNTS_S:
            with suppress(StoreError):
                self._count_again()
        return changed or self._shown != before

    @property
    def _shown(self) -> tuple[DoorState, float]:
        return self._engine.state, self._engine.since_s

    def now(self) -> DoorNow:
        """Return what the guard sees."""
        at_s, engine = self._clock.uptime_s(), self._engine
        self._calibrate(at_s)
        strongest, green_s, radio = engine.strongest_dbm(at_s), engine.green_left_s(at_s), self._radio.state
        guided = self._calibration
        return DoorNow(
            state=engine.state,
            since_s=round(at_s - engine.since_s, 2),
            green_left_s=None if green_s is None else round(green_s, 2),
            direction=engine.direction,
            counts=self._counts,
            last=self._undoable[-1][0] if self._undoable else None,
            strongest_dbm=None if strongest is None else round(strongest, 1),
            threshold_dbm=engine.rule.threshold_dbm,
            threshold_calibrated=self._calibrated,
            radio_fast=radio is None or radio.scan_mode != SPARSE_SCAN_MODE,
            label_purpose=self._settings.label_purpose or None,
            calibration=None if guided is None else guided.shown(at_s - self._calibration_began_s),
        )

    def turn(self, direction: Direction | None) -> None:
        """Count in ``direction``, or in the other one than now."""
        other = Direction.OUT if self._engine.direction is Direction.IN else Direction.IN
        self._engine.direction = direction or other

    def no_device(self) -> None:
        """Count a person without a device; raises DoorError."""
        if self._calibration is not None:
            raise refused(DoorRefusal.BUSY)
        try:
            self._count(None, None)
        except StoreError as error:
            raise refused(DoorRefusal.NOT_WRITTEN) from error

    def label(self, text: str) -> None:
        """Label the last passage; raises DoorError."""
        if not self._settings.label_purpose:
            raise refused(DoorRefusal.NO_LABELS)
        if not 0 < len(text) <= LONGEST_LABEL or not text.isprintable():
            raise refused(DoorRefusal.BAD_LABEL)
        last, key = self._last()
        try:
            self.store.label(last.number, text)
        except StoreError as error:
            raise refused(DoorRefusal.NOT_WRITTEN) from error
        labelled = LastPassage(
            number=last.number, at=last.at, direction=last.direction, protocol=last.protocol, labelled=True
        )
        self._undoable[-1] = labelled, key

    def undo(self) -> None:
        """Take the last passage back; raises DoorError."""
        last, key = self._last()
        try:
            self.store.delete(last.number)
        except StoreError as error:
            raise refused(DoorRefusal.NOT_WRITTEN) from error
        self._undoable.pop()
        if key is not None:
            self._engine.take_back(key)
        self._count_again()

    def calibrate(self) -> None:
        """Begin a guided calibration, or end the one that runs."""
        if self._calibration is not None:
            self._calibration = None
            return
        self._calibration, self._adopted = GuidedCalibration(), False
        self._calibration_began_s = self._clock.uptime_s()

    def _last(self) -> tuple[LastPassage, Hashable]:
        if not self._undoable:
            raise refused(DoorRefusal.NO_PASSAGE)
        return self._undoable[-1]

    def _count(self, protocol: str | None, key: Hashable) -> None:
        now = self._time.look()
        passage = Passage(
            minute=int(now.wall_s // MINUTE_S),
            utc_offset_min=self._clock.utc_offset_s(now.wall_s) // MINUTE_S,
            direction=self._engine.direction,
            protocol=protocol,
            clock_trusted=now.trusted,
        )
        shown = LastPassage(
            number=self.store.add(passage),
            at=datetime.fromtimestamp(passage.minute * MINUTE_S, UTC),
            direction=passage.direction,
            protocol=protocol,
            labelled=False,
        )
        self._undoable.append((shown, key))
        self._count_again()

    def _count_again(self) -> None:
        """Read the day's counts: a command may have deleted some."""
        self._counted_s = self._clock.uptime_s()
        self._day = self._today()
        self._counts = self.store.counts(self._day)

    def _today(self) -> date:
        return Calendar(fallback=self._clock.utc_offset_s).day(self._clock.now_s())

    def _calibrate(self, up_s: float) -> bool:
        """Adopt what was measured, and end it when it was shown for a while; return whether anything changed."""
        guided, at_s = self._calibration, up_s - self._calibration_began_s
        if guided is None:
            return False
        threshold, near, away = guided.threshold_dbm(at_s), guided.near_dbm(at_s), guided.away_dbm(at_s)
        if guided.over_for_s(at_s) >= SHOWN_S:
            self._calibration = None
            return True
        if self._adopted or threshold is None or near is None or away is None:
            return False
        self._adopted = self._calibrated = True
        self._engine.rule = replace(self._engine.rule, threshold_dbm=threshold)
        measured = MeasuredThreshold(self._radio_name, threshold, near, away, int(self._clock.now_s()))
        try:
            self.store.keep_threshold(measured)
        except StoreError as error:
            log.error("threshold_not_written", reason=str(error))
        return True
