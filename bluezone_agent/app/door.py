"""The door: the agent counts there, and commands and pages ask it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import date, datetime
from itertools import groupby
from typing import Final

from bluezone_agent.app.around import live
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.result import Result, utc
from bluezone_agent.config import Config
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.door import (
    CalibrationFailure,
    CalibrationStep,
    Direction,
    DoorAsked,
    DoorCounts,
    DoorNow,
)
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.live_line import LiveLine, LiveState
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.control_socket import AgentRequest
from bluezone_agent.door.figures import by_hour, counts, local, share_percent
from bluezone_agent.door.rule import Rule
from bluezone_agent.door.settings import DoorSettings
from bluezone_agent.door.store import FILE_NAME, DoorStore, StoredPassage
from bluezone_agent.errors import N_, AgentError, CalibrationError, DoorError, DoorRefusal

FAILURES: Final = {
    CalibrationFailure.NOTHING_NEAR: (
        N_("no device was received often enough while it was held near, or at 1.5 m"),
        N_("use a phone that broadcasts, hold it still at 30 cm, then step back with it; nobody else near"),
    ),
    CalibrationFailure.TOO_ALIKE: (
        N_("the device was hardly stronger at 30 cm than at 1.5 m"),
        N_("move the receiver away from metal and walls, and calibrate again"),
    ),
}


class GateLine(Result, frozen=True, kw_only=True):
    """What the guard sees now."""

    at: datetime
    radio: LiveState
    door: DoorNow


class DoorHour(Result, frozen=True, kw_only=True):
    """One hour in which somebody passed."""

    hour: int
    """0 to 23, of the door's own time."""
    people: DoorCounts
    share_percent: float | None
    """With a device, of all."""


class DoorPassage(Result, frozen=True, kw_only=True):
    """One person."""

    at: datetime
    """The minute."""
    direction: Direction
    protocol: str | None
    """Of the device; null: without one."""
    label: str | None


class DoorDay(Result, frozen=True, kw_only=True):
    """One day of the door's own time."""

    day: date
    people: DoorCounts
    share_percent: float | None
    """With a device, of all."""
    clock_doubted: int
    """People who passed while the clock was not trusted: their hour may be wrong."""
    hours: tuple[DoorHour, ...]
    passages: tuple[DoorPassage, ...]
    """Only if they were asked for."""


class DoorReport(Result, frozen=True, kw_only=True):
    """The figures of a door."""

    since: date
    until: date
    label_purpose: str | None
    days: tuple[DoorDay, ...]
    """Those on which somebody passed."""


class GateCalibrated(Result, frozen=True, kw_only=True):
    """The threshold that was measured at the door."""

    threshold_dbm: int
    near_dbm: float
    """Median at 30 cm."""
    away_dbm: float
    """Median at 1.5 m."""


class GateForgotten(Result, frozen=True, kw_only=True):
    """What was deleted."""

    passages: int
    labels: int
    """Those that were deleted alone; with the passages all labels go."""


def door_settings(config: Config) -> DoorSettings:
    """Return what the configuration says of a door."""
    door = config.door
    return DoorSettings(
        rule=Rule(door.threshold_dbm, float(door.margin_db)),
        retention_days=door.retention_days,
        label_purpose=door.label_purpose.strip(),
        label_retention_days=door.label_retention_days,
    )


def ask(device: Device, verb: str, direction: Direction | None = None, label: str = "") -> None:
    """Ask the running agent for something; raises DoorError, StateInUseError."""
    control_socket.ask(device.state_dir, AgentRequest(verb, door=DoorAsked(direction, label)))


def turn(device: Device) -> None:
    """Count in the other direction."""
    ask(device, control_socket.DOOR_DIRECTION)


def no_device(device: Device) -> None:
    """Count a person without a device."""
    ask(device, control_socket.DOOR_NO_DEVICE)


def undo(device: Device) -> None:
    """Take the last passage back."""
    ask(device, control_socket.DOOR_UNDO)


def label(device: Device, text: str) -> None:
    """Label the last passage."""
    ask(device, control_socket.DOOR_LABEL, label=text)


def calibrate(device: Device) -> None:
    """Begin a guided calibration, or end the one that runs."""
    ask(device, control_socket.DOOR_CALIBRATE)


async def gate(device: Device, direction: Direction | None = None) -> AsyncGenerator[LiveLine, None]:
    """Open the door and yield what the agent sees, each with an open door; close it if it was closed before.

    Raises NoLiveFeedError if no agent runs, StateInUseError if it does not open the door, DoorError if somebody else
    closed it.
    """
    async with aclosing(live(device)) as lines:
        first = await anext(lines)
        await asyncio.to_thread(ask, device, control_socket.DOOR_OPEN, direction)
        opened = False
        try:
            async for line in lines:
                if line.door is not None:
                    opened = True
                    yield line
                elif opened:
                    raise DoorError(
                        DoorRefusal.CLOSED,
                        N_("somebody closed the door"),
                        N_('open it again with "bluezone-agent gate"'),
                    )
        finally:
            if first.door is None:
                with suppress(AgentError):  # an agent that has stopped has no open door
                    await asyncio.to_thread(ask, device, control_socket.DOOR_CLOSE)


async def calibration(device: Device) -> AsyncGenerator[DoorNow, None]:
    """Let the door be calibrated, and yield where it stands until it is done.

    If it is not read to the end, it ends without a result. Raises CalibrationError if nothing can be concluded, and as
    :func:`gate` does.
    """
    started = False
    async with aclosing(gate(device)) as lines:
        try:
            async for line in lines:
                door = line.door
                shown = door.calibration if door else None
                if not started:
                    await asyncio.to_thread(ask, device, control_socket.DOOR_CALIBRATE)
                    started = True
                elif door is not None and shown is not None:
                    if shown.failure is not None:
                        raise CalibrationError(*FAILURES[shown.failure])
                    yield door
                    if shown.step is CalibrationStep.DONE:
                        return
        finally:
            if started:
                with suppress(AgentError):
                    await asyncio.to_thread(ask, device, control_socket.DOOR_CALIBRATE)


def today(device: Device) -> date:
    """Return today's date, by the door's own time."""
    clock = system_clock(configuration(device))
    return Calendar(fallback=clock.utc_offset_s).day(clock.now_s())


def report(device: Device, since: date, until: date, *, passages: bool = False) -> DoorReport:
    """Return the figures of these days, the last one included; raises StoreError."""
    purpose, found = configuration(device).door.label_purpose.strip(), list[StoredPassage]()
    if (device.state_dir / FILE_NAME).exists():
        with DoorStore(device.state_dir) as store:
            found = store.passages(since, until)
    return figures(found, since, until, purpose=purpose, passages=passages)


def figures(
    found: list[StoredPassage], since: date, until: date, *, purpose: str = "", passages: bool = False
) -> DoorReport:
    """Return the figures of these passages, which are in order."""
    return DoorReport(
        since=since,
        until=until,
        label_purpose=purpose or None,
        days=tuple(
            _day(day, list(those), passages=passages)
            for day, those in groupby(found, key=lambda stored: local(stored.passage).date())
        ),
    )


def _day(day: date, found: list[StoredPassage], *, passages: bool) -> DoorDay:
    every = [stored.passage for stored in found]
    total = counts(every)
    return DoorDay(
        day=day,
        people=total,
        share_percent=share_percent(total),
        clock_doubted=sum(not passage.clock_trusted for passage in every),
        hours=tuple(
            DoorHour(hour=at.hour, people=those, share_percent=share_percent(those))
            for at, those in by_hour(every).items()
        ),
        passages=tuple(map(_shown, found)) if passages else (),
    )


def _shown(stored: StoredPassage) -> DoorPassage:
    passage = stored.passage
    return DoorPassage(
        at=utc(passage.minute * MINUTE_S),
        direction=passage.direction,
        protocol=passage.protocol,
        label=stored.label,
    )


def forget(device: Device, *, labels_only: bool) -> GateForgotten:
    """Delete what is kept of the door, or only the labels; raises StoreError."""
    gone = 0
    if (device.state_dir / FILE_NAME).exists():
        with DoorStore(device.state_dir) as store:
            gone = store.forget(labels_only=labels_only)
    return GateForgotten(passages=0 if labels_only else gone, labels=gone if labels_only else 0)
