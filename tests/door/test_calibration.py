"""The guided minute: what is near at this door is measured with the device that was held near."""

from __future__ import annotations

import pytest

from bluezone_agent.core.door import CalibrationFailure, CalibrationStep
from bluezone_agent.door.calibration import AWAY_S, NEAR_S, GuidedCalibration

END_S = AWAY_S[1]


def guided(near_dbm: int = -55, away_dbm: int = -71, *, other_dbm: int = -66, lost: bool = False) -> GuidedCalibration:
    found = GuidedCalibration()
    for quarter in range(int(4 * END_S)):
        at_s = quarter / 4
        moves = NEAR_S[1] <= at_s < AWAY_S[0]
        if not (lost and at_s >= NEAR_S[1]):
            found.packet("held", -63 if moves else near_dbm if at_s < NEAR_S[1] else away_dbm, at_s)
        found.packet("other", other_dbm, at_s)
    return found


def test_the_threshold_lies_between_30_cm_and_where_the_next_one_waits() -> None:
    found = guided()
    assert (found.near_dbm(END_S), found.away_dbm(END_S)) == (-55, -71)
    assert found.threshold_dbm(END_S) == -62
    assert found.shown(END_S).step is CalibrationStep.DONE


def test_it_says_what_to_do_and_for_how_long() -> None:
    found = guided()
    assert (found.shown(0).step, found.shown(0).left_s) == (CalibrationStep.HOLD_NEAR, NEAR_S[1])
    assert (found.shown(30).step, found.shown(30).left_s) == (CalibrationStep.STEP_BACK, 25)
    assert found.threshold_dbm(END_S - 1) is None


@pytest.mark.parametrize(
    ("found", "failure"),
    [
        (GuidedCalibration(), CalibrationFailure.NOTHING_NEAR),
        (guided(lost=True), CalibrationFailure.NOTHING_NEAR),
        (guided(-55, -58), CalibrationFailure.TOO_ALIKE),
    ],
)
def test_it_fails_rather_than_guess(found: GuidedCalibration, failure: CalibrationFailure) -> None:
    assert found.shown(END_S).failure is failure
    assert found.shown(END_S).step is CalibrationStep.FAILED
    assert found.threshold_dbm(END_S) is None


def test_a_flood_of_devices_does_not_fill_the_memory() -> None:
    found = GuidedCalibration()
    for number in range(5000):
        found.packet(number, -40, 10)
    assert len(found._near) == 100
