"""The agent as a process: composes its parts and reports its state to the service manager."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from bluezone_agent.app import logs
from bluezone_agent.app.agent_state import pending_notices, read_health, read_metrics
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.app.radio import configured_radio
from bluezone_agent.app.status_line import status_line
from bluezone_agent.app.unlock import given_passphrase
from bluezone_agent.config import Config
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.systemd import ServiceManager
from bluezone_agent.daemon.watchdog import Watchdog
from bluezone_agent.errors import StoreDamagedError
from bluezone_agent.health import metrics_file
from bluezone_agent.i18n import _
from bluezone_agent.paths import expanded
from bluezone_agent.ports import Clock
from bluezone_agent.stores.file.open import make_private
from bluezone_agent.stores.file.recover import open_or_recover
from bluezone_agent.stores.store import StateLock, Store

log: Final = structlog.get_logger()

LOOK_S: Final = 60
"""Interval of the agent's own health check: for Prometheus, and for notices to the owner."""


def run(
    device: Device,
    passphrase: Passphrase,
    *,
    checks: bool,
    log_level: int,
    started: Callable[[str, str], None],
    damaged: Callable[[StoreDamagedError], object],
) -> None:
    """Run the agent until SIGTERM or SIGINT; without ``checks`` a timer has to run the checks.

    ``started`` is called with the radio and the protocol when the agent transmits, unless a service manager started it;
    ``damaged`` is called with the error if the store was quarantined. Raises ConfigError, StoreError, StateInUseError,
    RadioUnavailableError.
    """
    config = configuration(device)
    logs.to_stderr(log_level)
    keep_memory_private()
    for path in make_private(device.state_dir):
        log.warning("file_was_open_to_others", path=str(path))
    with StateLock(device.state_dir):
        given = given_passphrase(device, passphrase)
        opened, recovery = open_or_recover(device.state_dir, given)
        with opened as store:
            if given:
                log.info("keys_encrypted")
            if recovery is not None:
                damaged(recovery.error)
                log.error("store_recovered", damaged=str(recovery.quarantined), keys=recovery.keys)
            asyncio.run(_run(device, config, store, checks=checks, started=started))


async def _run(
    device: Device, config: Config, store: Store, *, checks: bool, started: Callable[[str, str], None]
) -> None:
    manager, watchdog, stop = ServiceManager(), Watchdog(), asyncio.Event()

    def end() -> None:
        manager.tell(STOPPING="1", STATUS=_("stopping"))
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end)
    clock = system_clock(config)

    async def check() -> None:
        await _in_child(device, "check", "--scheduled")

    async def keep_manager_informed() -> None:
        await manager.keep_informed(watchdog, lambda: status_line(read_health(store, clock.now_s()), store.journal))

    async def look_after_itself() -> None:
        await _look_after_itself(device, config, store, clock)

    manager.tell(STATUS=_("opening the radio"))
    agent = Agent(
        store=store,
        radio=configured_radio(config, clock, record=expanded(config.record) if config.record else None),
        clock=clock,
        protocol=PROTOCOLS[config.protocol],
        tx_power_dbm=config.tx_power_dbm,
        check=check if checks else None,
        check_every_hours=config.check_every_hours,
        allow_power_cycle=config.allow_power_cycle,
        allow_linkable=config.allow_linkable,
        sources=len(config.sources),
        monitor_adapters=len(config.radios) - 1,
        watchdog=watchdog,
        started=None if manager.listens else started,
        wait_for_radio=manager.listens,  # the status line shows the error as a person would see it
        background_jobs=(keep_manager_informed, look_after_itself),
    )
    await agent.run(stop)


async def _look_after_itself(device: Device, config: Config, store: Store, clock: Clock) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        if config.metrics_file:
            _write_metrics(expanded(config.metrics_file), read_metrics(store, clock.now_s()))
        if config.notify_command and (store.notices.is_due(clock.now_s()) or pending_notices(store, clock.now_s())):
            await _in_child(device, "notify")


def _write_metrics(path: Path, text: str) -> None:
    try:
        metrics_file.write(path, text)
    except OSError as error:  # a wrong path must not end the agent
        log.warning("metrics_not_written", path=str(path), reason=error.strerror)


async def _in_child(device: Device, *command: str) -> None:
    """Run one of our commands in a separate process, so that its memory use and crashes do not affect this one.

    Without ``-P`` Python would run a ``bluezone_agent`` that someone put into the current directory.
    """
    isolated = "-I" if sys.flags.isolated else "-P"
    program = [sys.executable, isolated, "-m", "bluezone_agent", "--state-dir", str(device.state_dir)]
    if device.config_file is not None:
        program += ["--config", str(device.config_file)]
    child = await asyncio.create_subprocess_exec(*program, *command, stdout=asyncio.subprocess.DEVNULL)
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    log.info("command_finished", command=" ".join(command), exit_code=code)
