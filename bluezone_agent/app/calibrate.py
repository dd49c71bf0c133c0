"""How strongly this device's radio receives: measured with a peer, or looked up in a table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Self

from bluezone_agent.actions.calibrate import read, read_table
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.radio import configured_radio
from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.calibration import Calibration, Reading
from bluezone_agent.core.calibration_fit import calibrate as fit
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import CalibrationError
from bluezone_agent.ports import Radio
from bluezone_agent.stores.calibrations import MEASURED, StoredCalibration
from bluezone_agent.stores.store import Store

__all__ = ["MEASURED", "CalibrationList", "CalibrationMade", "calibrations", "forget", "look_up", "measure"]


class CalibrationMade(Result, frozen=True, kw_only=True):
    """One calibration of one radio with one antenna."""

    radio: str
    antenna: str
    """The operator's note on antenna and enclosure, may be empty."""
    source: str
    """"measured", or the table and the device in it."""
    rssi_correction_db: float
    """Added to every RSSI."""
    margin_db: float | None
    """Half width of the 95 % interval; None if unknown."""
    decade_db: float | None
    """Loss over ten times the distance."""
    decade_margin_db: float | None
    packets: int
    made_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, made: StoredCalibration) -> Self:
        """Return the answer for ``made``."""
        c = made.calibration
        return cls(
            radio=made.radio,
            antenna=made.antenna,
            source=made.source,
            rssi_correction_db=c.rssi_correction_db,
            margin_db=c.margin_db,
            decade_db=c.decade_db,
            decade_margin_db=c.decade_margin_db,
            packets=c.packets,
            made_at=utc(made.made_at_s),
            expires_at=utc(made.expires_at_s),
        )


class CalibrationList(Result, frozen=True, kw_only=True):
    """Every calibration, newest last."""

    calibrations: tuple[CalibrationMade, ...]


def measure(
    device: Device,
    positions: Sequence[tuple[float, str]],
    *,
    place: Callable[[float, str], None],
    reading: Callable[[], AbstractContextManager[None]],
    show: Callable[[Reading], None],
    explain: Callable[[CalibrationError], object] | None,
    seconds: float,
    peer_power_dbm: int | None,
    antenna: str,
    valid_days: int,
) -> CalibrationMade:
    """Measure in each position (distance in m, side of the device) for ``seconds``, and store the result.

    ``place`` returns when a person has placed the devices, ``reading`` is active during each reading, ``show`` receives
    each reading. If ``explain`` is given, for a person, a failed reading is explained and repeated.
    Raises CalibrationError, RadioUnavailableError.
    """

    async def read_all(radio: Radio) -> tuple[str, list[Reading]]:
        readings = []
        async with radio:
            for distance_m, side in positions:
                while True:
                    place(distance_m, side)
                    try:
                        with reading():
                            readings.append(await read(radio, distance_m, seconds, peer_power_dbm))
                        break
                    except CalibrationError as error:
                        if explain is None:
                            raise
                        explain(error)  # a person can fix it, and keeps the readings so far
                show(readings[-1])
            return radio.description, readings

    radio, readings = asyncio.run(read_all(_radio(device)))
    return _keep(device, fit(readings), valid_days, radio=radio, antenna=antenna, source=MEASURED)


def look_up(device: Device, table: Path, name: str, *, antenna: str, valid_days: int) -> CalibrationMade:
    """Take the correction for the device ``name`` from a CSV table and store it; raises CalibrationError."""
    found = read_table(table, name)
    radio = asyncio.run(_description(_radio(device)))
    return _keep(device, found, valid_days, radio=radio, antenna=antenna, source=f"{table.name}: {name}")


def calibrations(device: Device) -> CalibrationList:
    """Return all calibrations."""
    with Store(device.state_dir) as store:
        return CalibrationList(calibrations=tuple(map(CalibrationMade.of, store.calibrations.all())))


def forget(device: Device) -> int:
    """Delete every calibration; return how many."""
    with Store(device.state_dir) as store, store.transaction():
        return store.calibrations.forget()


async def _description(radio: Radio) -> str:
    async with radio:
        return radio.description


def _radio(device: Device) -> Radio:
    config = configuration(device)
    return configured_radio(config, system_clock(config), purpose="calibrate")


def _keep(device: Device, calibration: Calibration, valid_days: int, **of: str) -> CalibrationMade:
    now_s = int(time.time())
    made = StoredCalibration(**of, calibration=calibration, made_at_s=now_s, expires_at_s=now_s + valid_days * DAY_S)
    with Store(device.state_dir) as store, store.transaction():
        store.calibrations.add(made)
    return CalibrationMade.of(made)
