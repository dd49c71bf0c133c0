"""``bluezone-agent run``: the daemon."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import structlog

from bluezone_agent.app import logs
from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.app.status_line import status_line
from bluezone_agent.app.unlock import given_passphrase
from bluezone_agent.cli.base import Command, fail, option, settings
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _

if TYPE_CHECKING:
    from bluezone_agent.cli.base import Settings
    from bluezone_agent.config import Config
    from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()

LOOK_S: Final = 60
"""How often the agent looks at itself: for Prometheus, and for what its owner has to know."""


@click.command(cls=Command, help=N_("Broadcast, listen, keep contacts and check for exposures, until stopped."))
@passphrase_option
@option("--no-check", is_flag=True, help=N_("Leave the checks to a timer; then this needs no network."))
def run(*, passphrase_file: Path | None, no_check: bool) -> None:
    """Run the agent in the foreground; SIGTERM and SIGINT stop it cleanly."""
    from bluezone_agent.stores.file.open import make_private  # noqa: PLC0415
    from bluezone_agent.stores.file.recover import open_or_recover  # noqa: PLC0415 - a usage error needs neither
    from bluezone_agent.stores.store import StateLock  # noqa: PLC0415

    options = settings()
    config = options.config()
    logs.to_stderr(logging.INFO)
    keep_memory_private()
    for path in make_private(options.state_dir):
        log.warning("file_was_open_to_others", path=str(path))
    with StateLock(options.state_dir):
        passphrase = given_passphrase(options.state_dir, passphrase_file)
        opened, recovery = open_or_recover(options.state_dir, passphrase)
        if passphrase:
            log.info("keys_encrypted")
        if recovery is not None:
            fail(recovery.error)
            log.error("store_recovered", damaged=str(recovery.quarantined), keys=recovery.keys)
        with opened as store:
            asyncio.run(_run(options, config, store, checks=not no_check))


async def _run(options: Settings, config: Config, store: Store, *, checks: bool) -> None:
    from bluezone_agent.clocks.system import SystemClock  # noqa: PLC0415
    from bluezone_agent.core.protocols import PROTOCOLS  # noqa: PLC0415
    from bluezone_agent.daemon.agent import Agent  # noqa: PLC0415
    from bluezone_agent.daemon.systemd import ServiceManager  # noqa: PLC0415
    from bluezone_agent.daemon.watchdog import Watchdog  # noqa: PLC0415
    from bluezone_agent.health.health import health  # noqa: PLC0415
    from bluezone_agent.health.outage_notices import pending  # noqa: PLC0415
    from bluezone_agent.health.prometheus import exposition  # noqa: PLC0415
    from bluezone_agent.radios import make_radio  # noqa: PLC0415

    manager, watchdog, stop = ServiceManager(), Watchdog(), asyncio.Event()

    def end() -> None:
        manager.tell(STOPPING="1", STATUS=_("stopping"))
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    clock = SystemClock(always_trusted=config.clock_trusted)

    async def check() -> None:
        await _in_child(options, "check", "--scheduled")

    async def keep_manager_informed() -> None:
        await manager.keep_informed(watchdog, lambda: status_line(health(store, clock.now_s()), store.signs()))

    async def look_after_itself() -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if config.metrics_file:
                _write_metrics(Path(config.metrics_file), exposition(store, clock.now_s()))
            if config.notify_command and pending(store, clock.now_s()):
                await _in_child(options, "status", "--notify")

    manager.tell(STATUS=_("opening the radio"))
    agent = Agent(
        store=store,
        radio=make_radio(
            config.radio,
            clock,
            record=Path(config.record) if config.record else None,
            plan=config.radio_plan,
            allow_linkable=config.allow_linkable,
        ),
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
        wait_for_radio=manager.listens,  # its status line says what a person would be told
        background_jobs=(keep_manager_informed, look_after_itself),
    )
    await agent.run(stop)


def _write_metrics(path: Path, text: str) -> None:
    from bluezone_agent.health.prometheus import write  # noqa: PLC0415

    try:
        write(path, text)
    except OSError as error:  # a wrong path must not end the agent
        log.warning("metrics_not_written", path=str(path), reason=error.strerror)


async def _in_child(options: Settings, *command: str) -> None:
    """Run a command of ours in a process of its own, so that its memory and crashes stay out of this one."""
    program = [sys.executable, "-m", "bluezone_agent", "--state-dir", str(options.state_dir)]
    if options.config_file is not None:
        program += ["--config", str(options.config_file)]
    child = await asyncio.create_subprocess_exec(*program, *command, stdout=asyncio.subprocess.DEVNULL)
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    log.info("command_finished", command=" ".join(command), exit_code=code)
