"""Verifies that this device transmits: with a second adapter, or with another device's report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from bluezone_agent.actions import selftest as testing
from bluezone_agent.actions.peer_report import make_report, read_report, write_report
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.radio import configured_radio
from bluezone_agent.app.result import Result, utc
from bluezone_agent.app.unlock import unlocked
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.files import require_absent
from bluezone_agent.stores.store import StateLock, Store, agent_runs


class Selftest(Result, frozen=True, kw_only=True):
    """The result of a self-test."""

    proved: bool
    by: str | None
    """The receiver, whether or not it received this device."""
    packets: int
    strongest_dbm: int | None
    received_at: datetime | None

    @classmethod
    def of(cls, outcome: testing.Outcome) -> Self:
        """Return the answer for ``outcome``."""
        return cls(
            proved=outcome.received,
            by=outcome.by or None,
            packets=outcome.count,
            strongest_dbm=outcome.max_dbm,
            received_at=utc(outcome.at_s),
        )


class ReportWritten(Result, frozen=True, kw_only=True):
    """A report for a peer."""

    file: Path
    by: str
    identifiers: int


def with_peer(device: Device, report: Path, passphrase: Passphrase) -> Selftest:
    """Look for this device in another device's report; raises ReportError."""
    with unlocked(device, passphrase) as store:
        return Selftest.of(testing.with_report(store, read_report(report), time.time()))


def with_adapters(device: Device, seconds: int, *, waiting: Callable[[], None]) -> Selftest:
    """Test a running agent by its journal, or a free radio by broadcasting.

    ``waiting`` is called before waiting for the running agent. Raises NotProvableError, RadioUnavailableError.
    """
    config = configuration(device)
    clock = system_clock(config)
    with Store(device.state_dir) as store:
        if agent_runs(device.state_dir):
            waiting()
            return Selftest.of(asyncio.run(testing.of_running_agent(store, clock, seconds)))
        if len(config.radios) < 2:
            raise testing.not_provable()
        with StateLock(device.state_dir):
            radio = configured_radio(config, clock, purpose="selftest")
            test = testing.with_adapters(
                radio, clock, PROTOCOLS[config.protocol], seconds, tx_power_dbm=config.tx_power_dbm
            )
            return Selftest.of(asyncio.run(test))


def report_to_peer(device: Device, file: Path, name: str, seconds: int) -> ReportWritten:
    """Receive for ``seconds`` and write a new report; if an agent is running, the report uses what it stores."""
    config = configuration(device)
    require_absent(file)
    clock = system_clock(config)
    from_s = clock.now_s()
    with Store(device.state_dir) as store:
        if agent_runs(device.state_dir):
            minutes = asyncio.run(testing.received_by_running_agent(store, clock, seconds))
        else:
            radio = configured_radio(config, clock, purpose="selftest")
            minutes = asyncio.run(testing.listen(radio, clock, seconds))
    report = make_report(name, minutes, from_s, clock.now_s())
    write_report(report, file)
    return ReportWritten(file=file, by=report.by, identifiers=len(report.received))
