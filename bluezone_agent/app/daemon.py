"""The agent as a process: composes its parts and reports its state to the service manager."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from bluezone_agent.app import logs
from bluezone_agent.app.agent_state import pending_notices, read_health, read_metrics
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.door import door_settings
from bluezone_agent.app.home_assistant import States, device_state, states_in_force
from bluezone_agent.app.own_command import own_command
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.page_folder import page_folder
from bluezone_agent.app.page_now import write_now
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.app.publish_command import submit_keys
from bluezone_agent.app.radio import configured_radio
from bluezone_agent.app.radio_broker import require_broker
from bluezone_agent.app.status_line import status_line
from bluezone_agent.app.unlock import given_passphrase
from bluezone_agent.config import Config
from bluezone_agent.core.device_state import DeviceState
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.control_socket import SUBMIT, AgentRequest
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
HISTORY_S: Final = 3600
"""Interval at which the page's contacts are counted again: seconds of CPU where hundreds of devices are near."""


def run(
    device: Device,
    passphrase: Passphrase,
    *,
    checks: bool,
    log_level: int,
    started: Callable[[str, str, str], None],
    damaged: Callable[[StoreDamagedError], object],
) -> None:
    """Run the agent until SIGTERM or SIGINT; without ``checks`` a timer has to run the checks.

    ``started`` is called with the radio, its scan mode and the protocol when the agent transmits, unless a service
    manager started it; ``damaged`` is called with the error if the store was quarantined. Raises ConfigError,
    StoreError, StateInUseError, RadioUnavailableError.
    """
    config = configuration(device)
    logs.to_stderr(log_level)
    keep_memory_private()
    require_broker(config.radios, device.state_dir)
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
    device: Device, config: Config, store: Store, *, checks: bool, started: Callable[[str, str, str], None]
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

    states = states_in_force(config)

    async def look_after_itself() -> None:
        await _look_after_itself(device, config, store, clock, states)

    async def show_history() -> None:
        await _show_history(device)

    one_at_a_time = asyncio.Lock()

    async def submit(request: AgentRequest) -> None:
        async with one_at_a_time:
            await submit_keys(device, request)
        _show_now(store, config)

    manager.tell(STATUS=_("opening the radio"))
    agent = Agent(
        store=store,
        radio=configured_radio(config, clock, record=expanded(config.record) if config.record else None),
        clock=clock,
        protocol=PROTOCOLS[config.protocol],
        tx_power_dbm=config.tx_power_dbm,
        assumed_tx_power_dbm=config.assumed_tx_power_dbm,
        check=check if checks else None,
        check_every_hours=config.check_every_hours,
        allow_power_cycle=config.allow_power_cycle,
        allow_linkable=config.allow_linkable,
        sources=len(config.sources),
        monitor_adapters=len(config.radios) - 1,
        watchdog=watchdog,
        started=None if manager.listens else started,
        door=door_settings(config),
        wait_for_radio=manager.listens,  # the status line shows the error as a person would see it
        background_jobs=(keep_manager_informed, look_after_itself, show_history),
        page_folder=page_folder(),
        pause_changed=lambda: _show_now(store, config),
        page_answers={SUBMIT: submit},
    )
    await agent.run(stop)


async def _look_after_itself(device: Device, config: Config, store: Store, clock: Clock, states: States | None) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        if config.metrics_file:
            _write_metrics(expanded(config.metrics_file), read_metrics(store, clock.now_s()))
        if states is not None:
            await _publish(states, device_state(store, config, clock.now_s()))
        if config.notifies and (store.notices.is_due(clock.now_s()) or pending_notices(store, clock.now_s())):
            await _in_child(device, "notify")
        _show_now(store, config)


def _show_now(store: Store, config: Config) -> None:
    try:
        write_now(store, config)
    except OSError as error:  # a page must not end the agent
        log.warning("page_not_written", reason=error.strerror)


async def _show_history(device: Device) -> None:
    """Write all parts of the owner's page now and then: contacts of 14 days are too many for this process."""
    while page_folder() is not None:
        await _in_child(device, "page")
        await asyncio.sleep(HISTORY_S)


async def _publish(states: States, state: DeviceState) -> None:
    try:
        await asyncio.to_thread(states.publish, state)
    except OSError as error:  # a broker that is away must not end the agent; its entities become unavailable
        log.info("state_not_published", reason=str(error) or type(error).__name__)


def _write_metrics(path: Path, text: str) -> None:
    try:
        metrics_file.write(path, text)
    except OSError as error:  # a wrong path must not end the agent
        log.warning("metrics_not_written", path=str(path), reason=error.strerror)


async def _in_child(device: Device, *command: str) -> None:
    """Run one of our commands in a separate process, so that its memory use and crashes do not affect this one."""
    child = await asyncio.create_subprocess_exec(*own_command(device, *command), stdout=asyncio.subprocess.DEVNULL)
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    log.info("command_finished", command=" ".join(command), exit_code=code)
