"""A door at which visitors show a device that broadcasts: what its guard sees, asks for and keeps."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

LONGEST_LABEL: Final = 80
"""Characters of a badge number or a name."""


class Direction(StrEnum):
    """Which way people go through the door."""

    IN = "in"
    OUT = "out"


class DoorState(StrEnum):
    """What the guard sees."""

    WAITING = "waiting"
    """Nobody holds a device near."""
    APPROACHING = "approaching"
    """A device comes near; it is not certain yet."""
    GREEN = "green"
    """A device was held near and has been counted."""
    ONE_AT_A_TIME = "one_at_a_time"
    """Two devices are near at the same time."""
    ALREADY_COUNTED = "already_counted"
    """The device that is held near has been counted before, in this direction."""


class CalibrationStep(StrEnum):
    """Where a guided calibration stands."""

    HOLD_NEAR = "hold_near"
    """Hold one device at the distance at which visitors are to hold theirs, 30 cm."""
    STEP_BACK = "step_back"
    """Stand with it where the next visitor waits, 1.5 m away."""
    DONE = "done"
    FAILED = "failed"


class CalibrationFailure(StrEnum):
    """Why a calibration gave no threshold."""

    NOTHING_NEAR = "nothing_near"
    """No device was received often enough."""
    TOO_ALIKE = "too_alike"
    """It was hardly stronger at 30 cm than at 1.5 m."""


class DoorCounts(msgspec.Struct, frozen=True, kw_only=True):
    """People through the door on one day of its own time zone."""

    in_with: int = 0
    """With a device."""
    in_without: int = 0
    out_with: int = 0
    out_without: int = 0


class LastPassage(msgspec.Struct, frozen=True, kw_only=True):
    """The passage that can be undone or labelled."""

    number: int
    """Of the passage in the door's store: another number is another passage."""
    at: datetime
    """Its minute."""
    direction: Direction
    protocol: str | None
    """None: without a device."""
    labelled: bool


class DoorCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """A guided calibration, while it runs and for half a minute after it."""

    step: CalibrationStep
    left_s: float
    """Seconds until the next step; 0 at the end."""
    near_dbm: float | None
    """Median received power at 30 cm; None until it was measured."""
    away_dbm: float | None
    """The same at 1.5 m."""
    failure: CalibrationFailure | None


class DoorNow(msgspec.Struct, frozen=True, kw_only=True):
    """An open door, as its guard sees it."""

    state: DoorState
    since_s: float
    """Seconds since this state began."""
    green_left_s: float | None
    """Seconds until green ends; None in every other state."""
    direction: Direction
    counts: DoorCounts
    """Of today."""
    last: LastPassage | None
    """None before the first passage since the door was opened."""
    strongest_dbm: float | None
    """Received power of the strongest device now; None if there is none."""
    threshold_dbm: int
    """Received power from which a device counts as held near."""
    threshold_calibrated: bool
    """Whether it was measured at this door; else it is the configuration's, or assumed."""
    radio_fast: bool
    """Whether the radio reports enough packets: not if it may report a device only once in 11 s."""
    label_purpose: str | None
    """What labels are kept for; None if none may be kept."""
    calibration: DoorCalibration | None


class DoorAsked(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the guard asks for, with the request's name."""

    direction: Direction | None = None
    """Of ``door-open`` and ``door-direction``."""
    label: str = ""
    """Of ``door-label``: a badge number or a name for the last passage."""

    def __repr__(self) -> str:
        return f"DoorAsked({self.direction!r}, <label>)"


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One person through the door: all that is kept of them. There is no identifier in it."""

    minute: int
    """Minutes since the Unix epoch."""
    utc_offset_min: int
    """How far the door's own time was ahead of UTC, minutes."""
    direction: Direction
    protocol: str | None
    """Of the device; None: without a device."""
    clock_trusted: bool
