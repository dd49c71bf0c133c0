"""A reference measurement on the simulated air, whose truth is known, and tables of corrections."""

import math
from pathlib import Path

import pytest

from bluezone_agent.actions.calibrate import STANDS_OUT_DB, read, read_table
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.calibration import REFERENCE_ATTENUATION_DB, Calibration, Reading
from bluezone_agent.core.calibration_fit import calibrate
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import RadioState
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import CalibrationError
from bluezone_agent.radios.simulated.air import Air, Motion, Position, Propagation
from bluezone_agent.radios.simulated.neighbours import rotating
from bluezone_agent.stores.calibrations import MEASURED, StoredCalibration
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import TODAY_S, daily_key
from tests.exposure_check.test_check import Device

NOON_S = 1_596_283_200.0
POWER_DBM = -20
KEY = daily_key("bluezone")
LAW = Propagation(shadowing_db=0, body_db=0)
FACING = Position(0, 0)


def at(position: Position) -> Motion:
    return lambda _: position


def measured(
    distance_m: float,
    *,
    protocol: str = "bluezone",
    stated_dbm: int | None = None,
    offset_db: float = 0.0,
    other_m: float = 0.0,
) -> Reading:
    clock = SimulatedClock(NOON_S)
    air = Air(clock.now_s, propagation=LAW)
    for position in [Position(metres, 0, math.pi) for metres in (distance_m, other_m) if metres]:
        air.observed(at(position), rotating(PROTOCOLS[protocol]), tx_power_dbm=POWER_DBM)
    radio = air.radio(clock, at(FACING), rx_offset_db=offset_db)
    return run_simulated(read(radio, distance_m, 30, stated_dbm))


def test_a_device_that_reads_7_db_too_little_gets_them_back() -> None:
    readings = [measured(1.0, stated_dbm=POWER_DBM, offset_db=offset) for offset in (-7.0, -7.0, -7.0, 0.0)]
    *weak, right = (r.attenuation_db for r in readings)
    assert right == pytest.approx(LAW.loss_at_1m_db, abs=1)
    assert calibrate(readings[:3]).rssi_correction_db == pytest.approx(
        LAW.loss_at_1m_db + 7 - REFERENCE_ATTENUATION_DB, abs=1
    )
    assert readings[0].packets > 80
    assert min(weak) > right + 5


def test_the_loss_over_distance_is_found() -> None:
    found = calibrate([measured(m, stated_dbm=POWER_DBM) for m in (1.0, 2.0, 4.0, 8.0)])
    assert found.decade_db is not None
    assert found.decade_margin_db is not None
    assert abs(found.decade_db - LAW.decade_db) < 2
    assert found.decade_margin_db < 10


def test_a_frame_that_states_its_power_need_not_be_told() -> None:
    # the frames of `rotating` state -12 dBm while the device sends with -20
    assert measured(1.0).attenuation_db == pytest.approx(LAW.loss_at_1m_db + 8, abs=1)


def test_a_power_that_is_encrypted_has_to_be_told() -> None:
    with pytest.raises(CalibrationError, match="do not state its transmit power"):
        measured(1.0, protocol="gaen")
    assert measured(1.0, protocol="gaen", stated_dbm=POWER_DBM).distance_m == 1.0


def test_two_devices_about_as_near_are_no_reference() -> None:
    with pytest.raises(CalibrationError, match="can't tell which device is the peer") as refused:
        measured(1.0, other_m=1.5)
    assert f"{STANDS_OUT_DB:.0f} dB stronger" in refused.value.hint.format(**refused.value.fields)
    assert measured(1.0, other_m=10.0).packets > 80


def test_silence_is_no_reading() -> None:
    with pytest.raises(CalibrationError, match="packets received from one device in 30 s: 0; at least 3 are needed"):
        measured(3000.0)


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_names_the_correction_of_a_device(tmp_path: Path) -> None:
    csv = table(tmp_path / "t.csv", "device,rssi_correction_db,margin_db\nPi 4,-3.5,2\nPi 5,1,\n")
    assert read_table(csv, "pi 4") == Calibration(-3.5, 2.0)
    assert read_table(csv, "Pi 5") == Calibration(1.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("device,correction\nPi 4,1\n", "no column rssi_correction_db"),
        ("", "no column device"),
        ("device,rssi_correction_db\nPi 3,1\n", '0 rows for "Pi 4"'),
        ("device,rssi_correction_db\nPi 4,1\nPi 4,2\n", '2 rows for "Pi 4"'),
        ("device,rssi_correction_db\nPi 4,much\n", "could not convert string to float: 'much'"),
        ("device,rssi_correction_db\nPi 4\n", "no valid number"),
        ("device,rssi_correction_db\nPi 4,nan\n", "no valid number"),
    ],
)
def test_a_table_that_does_not_say_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CalibrationError, match=r"t\.csv") as refused:
        read_table(table(tmp_path / "t.csv", text), "Pi 4")
    assert says in str(refused.value)


def test_a_table_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"can't read the table .*t\.csv: No such file"):
        read_table(tmp_path / "t.csv", "Pi 4")


def device(tmp_path: Path, radio: str, *, expires_at_s: int = TODAY_S + DAY_S) -> Device:
    """A device that heard a case at -70 dBm, and one calibration of ``radio`` whose agent uses ``hci0``."""
    made = Device(Store(tmp_path / "state"), tmp_path / "published")
    made.receive(KEY)
    made.publish("1", KEY)
    with made.store.transaction():
        made.store.journal.put(RadioState(TODAY_S, "hci0"))
        calibration = Calibration(-12.5)
        made.store.calibrations.add(StoredCalibration(radio, "", MEASURED, calibration, 0, expires_at_s))
    return made


def attenuations_db(device: Device) -> set[float]:
    with device.store:
        device.check()
        (found,) = device.store.exposures.matched()
    return {round(minute.attenuation_db, 1) for minute in found.minutes}


def test_a_match_is_scored_with_the_correction_of_the_radio_that_heard_it(tmp_path: Path) -> None:
    # -20 dBm stated, -70 dBm received
    assert attenuations_db(device(tmp_path, "hci0")) == {-20 - (-70 - 12.5)}


@pytest.mark.parametrize(("radio", "expires_at_s"), [("hci1", TODAY_S + DAY_S), ("hci0", TODAY_S - DAY_S)])
def test_a_calibration_of_another_radio_or_one_that_has_expired_counts_no_more(
    tmp_path: Path, radio: str, expires_at_s: int
) -> None:
    assert attenuations_db(device(tmp_path, radio, expires_at_s=expires_at_s)) == {50}
