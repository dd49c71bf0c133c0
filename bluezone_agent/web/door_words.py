"""An open door as the page's script shows it: in the words of the terminal, in the page's language."""

from __future__ import annotations

from typing import Final

import msgspec

from bluezone_agent.app.door_text import (
    calibration_text,
    count_lines,
    detail,
    direction_text,
    headline,
    last_text,
    limits,
)
from bluezone_agent.core.door import CalibrationStep, DoorNow, DoorState
from bluezone_agent.i18n import _

SIGNS: Final = {
    DoorState.WAITING: "…",
    DoorState.APPROACHING: "→",
    DoorState.GREEN: "✓",
    DoorState.ONE_AT_A_TIME: "!",
    DoorState.ALREADY_COUNTED: "=",
}
"""So that nobody has to tell colours apart."""


class CountWords(msgspec.Struct, frozen=True, kw_only=True):
    """The people of one direction."""

    name: str
    people: str
    with_device: str


class DoorWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the script shows; it makes no texts of its own."""

    state: str
    sign: str
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
    calibration: str
    """Empty while none runs."""
    calibrating: bool


def door_words(door: DoorNow) -> DoorWords:
    """Return an open door in words."""
    calibration, last = door.calibration, door.last
    return DoorWords(
        state=door.state,
        sign=SIGNS[door.state],
        headline=headline(door),
        detail=detail(door),
        counts=tuple(
            CountWords(name=name, people=str(people), with_device=_("{n} with a device").format(n=with_device))
            for name, people, with_device in count_lines(door)
        ),
        direction=direction_text(door.direction),
        last="" if last is None else last_text(last),
        last_number=0 if last is None else last.number,
        label_purpose=door.label_purpose or "",
        labelled=last is not None and last.labelled,
        limits=tuple(limits(door)),
        calibration="" if calibration is None else calibration_text(calibration, door.threshold_dbm),
        calibrating=calibration is not None
        and calibration.step in (CalibrationStep.HOLD_NEAR, CalibrationStep.STEP_BACK),
    )
