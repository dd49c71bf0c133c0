"""What the guard of a door reads."""

from __future__ import annotations

from typing import Final

from bluezone_agent.app.around_text import state_text
from bluezone_agent.app.door import DoorHour, DoorPassage
from bluezone_agent.core.door import CalibrationStep, Direction, DoorCalibration, DoorCounts, DoorNow, DoorState
from bluezone_agent.core.live_line import LiveLine, LiveState
from bluezone_agent.door.figures import people
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_number, local_time

STATES: Final = {
    DoorState.WAITING: N_("Hold the phone near"),
    DoorState.APPROACHING: N_("Nearer…"),
    DoorState.GREEN: N_("It broadcasts"),
    DoorState.ONE_AT_A_TIME: N_("One at a time"),
    DoorState.ALREADY_COUNTED: N_("Already counted"),
}
DIRECTIONS: Final = {Direction.IN: N_("in"), Direction.OUT: N_("out")}
STEPS: Final = {
    CalibrationStep.HOLD_NEAR: N_("Hold one phone at 30 cm: {n} s"),
    CalibrationStep.STEP_BACK: N_("Step back to 1.5 m with it, and stay there: {n} s"),
    CalibrationStep.DONE: N_("Calibrated"),
    CalibrationStep.FAILED: N_("Not calibrated: see bluezone-agent gate calibrate"),
}


def state(door: DoorNow) -> str:
    """Return what to do or what has happened, in a few words."""
    return _(STATES[door.state]) if door.calibration is None else step(door.calibration)


def step(shown: DoorCalibration) -> str:
    """Return what to do for a calibration."""
    return _(STEPS[shown.step]).format(n=round(shown.left_s))


def counts(found: DoorCounts, direction: Direction) -> str:
    """Return the people of one direction: how many, and how many of them without a device."""
    with_device, without = (
        (found.in_with, found.in_without) if direction is Direction.IN else (found.out_with, found.out_without)
    )
    return _("{direction}: {n} with a device, {without} without").format(
        direction=_(DIRECTIONS[direction]), n=with_device, without=without
    )


def counted(door: DoorNow) -> list[str]:
    """Return the counts of today."""
    other = Direction.OUT if door.direction is Direction.IN else Direction.IN
    directions = [door.direction, *([other] if people(door.counts, other) else [])]
    return [counts(door.counts, direction) for direction in directions]


def everybody(found: DoorCounts) -> int:
    """Return the number of all people."""
    return people(found)


def cautions(line: LiveLine, door: DoorNow) -> list[str]:
    """Return what keeps the door from working, or from working well."""
    found = []
    if line.state is not LiveState.SCANNING:
        found.append(state_text(line))
    if not door.radio_fast:
        found.append(
            _(
                "this radio may report a phone only once in 11 s, too rarely for a door: use the kernel's radio"
                ' (radio = "kernel:hci0", docs/door.md)'
            )
        )
    if not door.threshold_calibrated:
        found.append(_("not calibrated at this door: press c, or run bluezone-agent gate calibrate"))
    return found


def share(percent: float | None) -> str:
    """Return a share of people."""
    return "–" if percent is None else f"{local_number(percent):.0f} %"


def hour(found: DoorHour) -> str:
    """Return an hour of a day."""
    return f"{found.hour:02}:00-{found.hour:02}:59"


def columns() -> list[str]:
    """Return the names of the columns of :func:`row`."""
    return [
        _("hour"),
        _("in, with a device"),
        _("in, without"),
        _("out, with a device"),
        _("out, without"),
        _("share with a device"),
    ]


def row(name: str, found: DoorCounts, percent: float | None) -> list[str]:
    """Return a row of figures."""
    numbers = (found.in_with, found.in_without, found.out_with, found.out_without)
    return [name, *map(str, numbers), share(percent)]


def passage(found: DoorPassage) -> str:
    """Return one person."""
    device = _("no device") if found.protocol is None else found.protocol
    parts = [f"{local_time(found.at)} {_(DIRECTIONS[found.direction])}", device, found.label or ""]
    return ", ".join(filter(None, parts))


def limits() -> list[str]:
    """Return what the figures do not prove."""
    return [
        _(
            "Green means that a device near the reader broadcast at that moment. It does not say whose it is, or that"
            " it continues: it can be switched off behind the door."
        ),
        _("A recorded advertisement can be replayed by another device while its identifier is valid."),
        _(
            "iPhones with the old Bluezone app do not broadcast: they only answer to connections, and are counted as"
            " without a device."
        ),
    ]
