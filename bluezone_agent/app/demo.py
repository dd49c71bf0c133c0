"""A simulated day with six devices."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.files import create, require_absent
from bluezone_agent.scenarios.cast import CASE
from bluezone_agent.scenarios.day import STATED_TX_POWER_DBM, Day, PersonVerdict, leave_devices, simulate
from bluezone_agent.stores.file.open import make_private

__all__ = ["Day", "DemoPerson", "DevicesLeft", "PersonVerdict", "SimulatedDay", "keep", "simulate"]


CONFIGURATION: Final = f"""# The simulated device of {{name}}.
radio = "virtual"
clock_trusted = true
protocol = "{{protocol}}"
assumed_tx_power_dbm = {STATED_TX_POWER_DBM}
"""


class DemoPerson(Result, frozen=True, kw_only=True):
    """What one device told its owner, compared with the truth."""

    name: str
    protocol: str
    true_minutes_within_2m: int
    """Time within 2 m of the case."""
    should_warn: bool
    warned: bool
    warned_at: datetime | None
    right: bool
    days: tuple[ExposureDay, ...]


class SimulatedDay(Result, frozen=True, kw_only=True):
    """The result of the simulated day."""

    seed: int
    case: str
    """The person who tested positive."""
    protocol: str
    keys_published: int
    all_verdicts_right: bool
    agents: tuple[DemoPerson, ...]
    page: Path

    @classmethod
    def of(cls, day: Day, page: Path) -> Self:
        """Return the result of ``day``, whose page is at ``page``."""
        return cls(
            seed=day.seed,
            case=day.case.name,
            protocol=day.protocol,
            keys_published=day.keys_published,
            all_verdicts_right=day.right,
            agents=tuple(_person(v, day.calendar) for v in day.verdicts),
            page=page,
        )


class DevicesLeft(Result, frozen=True, kw_only=True):
    """The devices of a simulated day, to continue by hand."""

    case: str
    """The person who will test positive."""
    devices: tuple[DeviceLeft, ...]


class DeviceLeft(Result, frozen=True, kw_only=True):
    """The device of one person."""

    name: str
    state_dir: Path
    config: Path


def keep(folder: Path, seed: int, protocol: str) -> DevicesLeft:
    """Simulate yesterday, and leave each person's device and its configuration in ``folder``.

    Raises AgentError if ``folder`` exists or can't be created.
    """
    require_absent(folder)
    make_private(folder)
    devices = []
    for left in leave_devices(folder, seed, protocol, time.time()):
        config = folder / f"{left.name}.toml"
        create(config, CONFIGURATION.format(name=left.person.name, protocol=left.person.protocol).encode())
        devices.append(DeviceLeft(name=left.person.name, state_dir=folder / left.name, config=config))
    return DevicesLeft(case=CASE, devices=tuple(devices))


def _person(v: PersonVerdict, calendar: Calendar) -> DemoPerson:
    return DemoPerson(
        name=v.person.name,
        protocol=v.person.protocol,
        true_minutes_within_2m=v.true_near_minutes,
        should_warn=v.should_warn,
        warned=v.warned_at_s is not None,
        warned_at=utc(v.warned_at_s),
        right=v.right,
        days=tuple(ExposureDay.of(day, calendar) for day in v.days),
    )
