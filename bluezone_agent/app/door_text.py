"""An open door in words, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bluezone_agent.core.door import (
    CalibrationFailure,
    CalibrationStep,
    Direction,
    DoorCalibration,
    DoorNow,
    DoorState,
    LastPassage,
)
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_time

STATES: Final = {
    DoorState.WAITING: (N_("Hold your device here"), N_("about 30 cm from the receiver, with the screen on")),
    DoorState.APPROACHING: (N_("A device comes near"), N_("hold it still for a moment")),
    DoorState.GREEN: (N_("Counted: the device broadcasts"), N_("the next person, please")),
    DoorState.ONE_AT_A_TIME: (N_("One at a time, please"), N_("two devices are near: ask one person to step back")),
    DoorState.ALREADY_COUNTED: (N_("Counted already"), N_("this device was counted before; the next person, please")),
}
"""State → what it says in large letters, and below that."""
DIRECTIONS: Final = {Direction.IN: N_("People come in"), Direction.OUT: N_("People go out")}
FAILURES: Final = {
    CalibrationFailure.NOTHING_NEAR: N_("No device was received often enough. Does yours broadcast? Then try again."),
    CalibrationFailure.TOO_ALIKE: N_(
        "The device was hardly stronger at 30 cm than at 1.5 m. Move the receiver away from metal, and try again."
    ),
}
NOT_PROVED: Final = (
    N_("A signal can be recorded elsewhere and sent again, so green does not prove whose device it is."),
    N_("A device can be switched off behind the door."),
    N_("iPhones with the old Bluezone app never turn green: they answer connections but do not broadcast."),
    N_("No green does not prove that a visitor has no app: their Bluetooth may be off."),
)
"""What a guard has to know."""


def headline(door: DoorNow) -> str:
    """Return what the guard and the visitor read from afar."""
    return str(_(STATES[door.state][0]))


def detail(door: DoorNow) -> str:
    """Return what to do."""
    return str(_(STATES[door.state][1]))


def direction_text(direction: Direction) -> str:
    """Return which way people go."""
    return str(_(DIRECTIONS[direction]))


def count_lines(door: DoorNow) -> tuple[tuple[str, int, int], ...]:
    """Return of each direction its name, people, and those of them with a device."""
    counts = door.counts
    return (
        (_("In today"), counts.in_with + counts.in_without, counts.in_with),
        (_("Out today"), counts.out_with + counts.out_without, counts.out_with),
    )


def last_text(last: LastPassage) -> str:
    """Return the last passage: when, which way, and with what."""
    way = _("in") if last.direction is Direction.IN else _("out")
    device = _("without a device") if last.protocol is None else _("with a device ({protocol})")
    return f"{local_time(last.at)} · {way} · {device.format(protocol=last.protocol)}"


def limits(door: DoorNow) -> Iterator[str]:
    """Yield what makes this door's answers uncertain, and what to do about it."""
    if not door.radio_fast:
        yield _(
            "This radio may report a device only once in 11 s, so a door can't work: use the kernel's radio, as"
            ' radio = "kernel:hci0" in the configuration'
        )
    if not door.threshold_calibrated:
        yield _("The threshold of {threshold} dBm was not measured at this door: calibrate it (1 minute)").format(
            threshold=door.threshold_dbm
        )


def calibration_text(calibration: DoorCalibration, threshold_dbm: int) -> str:
    """Return what to do now, or how it ended."""
    seconds = round(calibration.left_s)
    match calibration.step:
        case CalibrationStep.HOLD_NEAR:
            return _("Hold one device about 30 cm from the receiver: {seconds} s left").format(seconds=seconds)
        case CalibrationStep.STEP_BACK:
            return _("Now stand with it where the next person waits, 1.5 m away: {seconds} s left").format(
                seconds=seconds
            )
        case CalibrationStep.FAILED if calibration.failure is not None:
            return str(_(FAILURES[calibration.failure]))
        case _:
            return _("Calibrated: {near} dBm at 30 cm, {away} dBm at 1.5 m; the threshold is {threshold} dBm").format(
                near=_whole(calibration.near_dbm), away=_whole(calibration.away_dbm), threshold=threshold_dbm
            )


def _whole(dbm: float | None) -> str:
    return "?" if dbm is None else f"{dbm:.0f}"
