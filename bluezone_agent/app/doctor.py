"""What is wrong with a device, and how to fix it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from bluezone_agent.app.agent_state import read_status
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.result import Result, utc
from bluezone_agent.config import Config
from bluezone_agent.errors import AgentError, ConfigError, StoreError
from bluezone_agent.health.doctor.checks import Facts, PathFacts, judge
from bluezone_agent.health.doctor.finding import Finding, Level
from bluezone_agent.health.status import Status
from bluezone_agent.i18n import rendered
from bluezone_agent.radios.bluez.inspect import read_bluetooth
from bluezone_agent.radios.kernel.inspect import read_broker
from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.store import Store

__all__ = ["Diagnosis", "FoundOut", "Level", "examine"]

OUR_FILES: Final = ("agent.db", "agent.db-wal", "agent.db-shm", "agent.lock")


class FoundOut(Result, frozen=True, kw_only=True):
    """One finding, in the person's language."""

    check: str
    level: Level
    message: str
    remedy: str | None
    at: datetime | None

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return the answer for ``finding``."""
        message, remedy = rendered(AgentError(finding.message, finding.remedy, **finding.fields))
        return cls(
            check=finding.check, level=finding.level, message=message, remedy=remedy or None, at=utc(finding.at_s)
        )


class Diagnosis(Result, frozen=True, kw_only=True):
    """The findings on everything that the agent needs, whether it is running or not."""

    healthy: bool
    """Whether no finding is a fault."""
    findings: tuple[FoundOut, ...]


def examine(device: Device) -> Diagnosis:
    """Read and judge everything that the agent needs; if something can't be read, that is a finding too."""
    findings = find(device)
    healthy = all(finding.level is not Level.FAULT for finding in findings)
    return Diagnosis(healthy=healthy, findings=tuple(map(FoundOut.of, findings)))


def find(device: Device) -> list[Finding]:
    """Return the findings as templates, which can be shown in any language."""
    return judge(_facts(device))


def _facts(device: Device) -> Facts:
    config, config_error = Config(), None
    try:
        config = configuration(device)
    except ConfigError as error:
        config_error = error
    state = tuple(_state(device.state_dir))
    stored, store_error = _status(device.state_dir) if state else (None, None)
    return Facts(
        radios=config.radios,
        bluetooth=asyncio.run(read_bluetooth()),
        broker=asyncio.run(read_broker()),
        clock_trusted=system_clock(config).synchronised(),
        config_error=config_error,
        allow_linkable=config.allow_linkable,
        sources=len(config.sources),
        free_bytes=_free_bytes(device.state_dir),
        state_dir=str(device.state_dir),
        state=state,
        store_error=store_error,
        status=stored,
    )


def _state(state_dir: Path) -> Iterator[PathFacts]:
    for path in (state_dir, *(state_dir / name for name in OUR_FILES)):
        try:
            seen = path.stat()
        except OSError:
            continue
        yield PathFacts(str(path), stat.S_IMODE(seen.st_mode), seen.st_uid == os.geteuid())


def _status(state_dir: Path) -> tuple[Status | None, StoreError | None]:
    """Read the journal of an existing store; the doctor creates none."""
    if not (state_dir / FILE_NAME).exists():
        return None, None
    try:
        with Store(state_dir) as store:
            return read_status(store, time.time()), None
    except StoreError as error:
        return None, error


def _free_bytes(state_dir: Path) -> int | None:
    """Return the free space where the state directory is or will be."""
    for folder in (state_dir, *state_dir.absolute().parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None
