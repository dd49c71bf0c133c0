"""An open door as the page's script shows it: in the words of the terminal, in the page's language."""

from __future__ import annotations

from typing import Final

import msgspec

from bluezone_agent.app.door_text import DIRECTIONS, STATES, cautions, step
from bluezone_agent.core.door import (
    CalibrationFailure,
    CalibrationStep,
    Direction,
    DoorCalibration,
    DoorNow,
    DoorState,
    LastPassage,
)
from bluezone_agent.core.live_line import LiveLine
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_time

SYMBOLS: Final = {
    DoorState.WAITING: "…",
    DoorState.APPROACHING: "→",
    DoorState.GREEN: "✓",
    DoorState.ONE_AT_A_TIME: "!",
    DoorState.ALREADY_COUNTED: "=",
}
"""So that nobody has to tell colours apart."""
DETAILS: Final = {
    DoorState.WAITING: N_("about 30 cm from the receiver"),
    DoorState.APPROACHING: N_("hold it still for a moment"),
    DoorState.GREEN: N_("the next person, please"),
    DoorState.ONE_AT_A_TIME: N_("two devices are near: ask one person to step back"),
    DoorState.ALREADY_COUNTED: N_("the next person, please"),
}
WAYS: Final = {Direction.IN: N_("People come in"), Direction.OUT: N_("People go out")}
FAILURES: Final = {
    CalibrationFailure.NOTHING_NEAR: N_("No device was received often enough. Does yours broadcast? Then try again."),
    CalibrationFailure.TOO_ALIKE: N_(
        "The device was hardly stronger at 30 cm than at 1.5 m. Move the receiver away from metal, and try again."
    ),
}


class CountWords(msgspec.Struct, frozen=True, kw_only=True):
    """The people of one direction."""

    name: str
    people: str
    with_device: str


class DoorWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the script shows; it makes no texts of its own."""

    state: str
    symbol: str
    headline: str
    detail: str
    counts: tuple[CountWords, ...]
    direction: str
    last: str
    """Empty before the first passage."""
    last_number: int
    """Another number is another passage; 0 for none."""
    label_purpose: str
    """Empty where no labels may be kept."""
    labelled: bool
    limits: tuple[str, ...]
    """What keeps the door from working, or from working well."""
    calibration: str
    """Empty while none runs."""
    calibrating: bool


def door_words(line: LiveLine, door: DoorNow) -> DoorWords:
    """Return an open door in words; ``line`` is the one that it came with."""
    calibration, last = door.calibration, door.last
    return DoorWords(
        state=door.state,
        symbol=SYMBOLS[door.state],
        headline=str(_(STATES[door.state])),
        detail=str(_(DETAILS[door.state])),
        counts=_counts(door),
        direction=str(_(WAYS[door.direction])),
        last="" if last is None else _last(last),
        last_number=0 if last is None else last.number,
        label_purpose=door.label_purpose or "",
        labelled=last is not None and last.labelled,
        limits=tuple(map(str, cautions(line, door))),
        calibration="" if calibration is None else _calibration(calibration, door.threshold_dbm),
        calibrating=calibration is not None
        and calibration.step in (CalibrationStep.HOLD_NEAR, CalibrationStep.STEP_BACK),
    )


def _counts(door: DoorNow) -> tuple[CountWords, ...]:
    counts = door.counts
    rows = (
        (_("In today"), counts.in_with, counts.in_without),
        (_("Out today"), counts.out_with, counts.out_without),
    )
    return tuple(
        CountWords(
            name=str(name),
            people=str(with_device + without),
            with_device=_("{n} with a device").format(n=with_device),
        )
        for name, with_device, without in rows
    )


def _last(last: LastPassage) -> str:
    device = _("no device") if last.protocol is None else last.protocol
    return " · ".join((local_time(last.at), _(DIRECTIONS[last.direction]), device))


def _calibration(calibration: DoorCalibration, threshold_dbm: int) -> str:
    """Return what to do now, or how it ended."""
    if calibration.failure is not None:
        return str(_(FAILURES[calibration.failure]))
    if calibration.near_dbm is None or calibration.away_dbm is None:
        return step(calibration)
    return _("Calibrated: {near:.0f} dBm at 30 cm, {away:.0f} dBm at 1.5 m; the threshold is {threshold} dBm").format(
        near=calibration.near_dbm, away=calibration.away_dbm, threshold=threshold_dbm
    )
