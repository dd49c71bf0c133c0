"""From readings at known distances to a correction and its margin."""

import math
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.calibration import REFERENCE_ATTENUATION_DB, Reading
from bluezone_agent.core.calibration_fit import calibrate


def test_one_distance_worked_by_hand() -> None:
    # mean 60, standard deviation 2, t(3) = 3.18: 3.18 * 2 / sqrt(4) = 3.18
    found = calibrate([Reading(1.0, 60 + d, 10) for d in (-math.sqrt(6), 0, 0, math.sqrt(6))])
    assert found.rssi_correction_db == pytest.approx(60 - 54)
    assert found.margin_db == pytest.approx(3.18)
    assert (found.decade_db, found.decade_margin_db, found.packets) == (None, None, 40)


def test_another_distance_is_led_to_one_metre_by_free_space() -> None:
    assert calibrate([Reading(10.0, 74, 5)]).rssi_correction_db == pytest.approx(0)
    assert calibrate([Reading(10.0, 74, 5)]).margin_db is None


def test_several_distances_worked_by_hand() -> None:
    # residuals +1, -2, +1 of the line 50 + 25 x at x = 0, 1, 2 -> s = sqrt(6/1), Sxx = 2, mean x = 1, t(1) = 12.71
    readings = [Reading(1.0, 51, 1), Reading(10.0, 73, 1), Reading(100.0, 101, 1)]
    found = calibrate(readings)
    assert found.rssi_correction_db == pytest.approx(-4)
    assert found.decade_db == pytest.approx(25)
    assert found.decade_margin_db == pytest.approx(12.71 * math.sqrt(6) / math.sqrt(2))
    assert found.margin_db == pytest.approx(12.71 * math.sqrt(6) * math.sqrt(1 / 3 + 1 / 2))


def test_two_readings_make_a_line_but_no_margin() -> None:
    found = calibrate([Reading(1.0, 54, 3), Reading(10.0, 76, 3)])
    assert found.rssi_correction_db == pytest.approx(0)
    assert found.decade_db == pytest.approx(22)
    assert (found.margin_db, found.decade_margin_db) == (None, None)


@given(
    at_1m_db=st.floats(20, 90),
    decade_db=st.floats(10, 40),
    distances_m=st.lists(st.floats(0.5, 8), min_size=3, max_size=12).filter(lambda d: max(d) > 1.2 * min(d)),
)
def test_a_law_without_scatter_is_found_exactly(at_1m_db: float, decade_db: float, distances_m: list[float]) -> None:
    found = calibrate([Reading(d, at_1m_db + decade_db * math.log10(d), 1) for d in distances_m])
    assert found.rssi_correction_db == pytest.approx(at_1m_db - REFERENCE_ATTENUATION_DB, abs=1e-6)
    assert found.decade_db == pytest.approx(decade_db, abs=1e-6)
    assert found.margin_db == pytest.approx(0, abs=1e-5)


@given(st.lists(st.floats(30, 90), min_size=2, max_size=30))
def test_a_corrected_device_reads_the_reference_at_one_metre(attenuations_db: list[float]) -> None:
    found = calibrate([Reading(1.0, a, 1) for a in attenuations_db])
    assert mean(attenuations_db) - found.rssi_correction_db == pytest.approx(REFERENCE_ATTENUATION_DB)


def test_nothing_is_no_calibration() -> None:
    with pytest.raises(ValueError, match="no readings"):
        calibrate([])
