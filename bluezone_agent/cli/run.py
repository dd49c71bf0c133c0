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

from bluezone_agent.cli import logs
from bluezone_agent.cli.base import Command, settings
from bluezone_agent.errors import N_

if TYPE_CHECKING:
    from bluezone_agent.cli.base import Settings
    from bluezone_agent.config import Config
    from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()


@click.command(cls=Command, help=N_("Broadcast, listen, keep contacts and check for exposures, until stopped."))
def run() -> None:
    """Run the agent in the foreground; SIGTERM and SIGINT stop it cleanly."""
    from bluezone_agent.stores.store import StateLock, Store  # noqa: PLC0415 - a usage error needs neither

    options = settings()
    config = options.config()
    logs.to_stderr(logging.INFO)
    with Store(options.state_dir) as store, StateLock(options.state_dir):
        asyncio.run(_run(options, config, store))


async def _run(options: Settings, config: Config, store: Store) -> None:
    from bluezone_agent.clocks.system import SystemClock  # noqa: PLC0415
    from bluezone_agent.core.protocols import PROTOCOLS  # noqa: PLC0415
    from bluezone_agent.radios import make_radio  # noqa: PLC0415
    from bluezone_agent.service.agent import Agent  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SystemClock(always_trusted=config.clock_trusted)

    async def check() -> None:
        if config.sources:
            await _check_in_child(options)

    agent = Agent(
        store=store,
        radio=make_radio(config.radio, clock, record=Path(config.record) if config.record else None),
        clock=clock,
        protocol=PROTOCOLS[config.protocol],
        tx_power_dbm=config.tx_power_dbm,
        check=check,
        check_every_hours=config.check_every_hours,
        sources=len(config.sources),
    )
    await agent.run(stop)


async def _check_in_child(options: Settings) -> None:
    """Run ``bluezone-agent check`` in a process of its own, so that its memory and crashes stay out of this one."""
    command = [sys.executable, "-m", "bluezone_agent", "--state-dir", str(options.state_dir)]
    if options.config_file is not None:
        command += ["--config", str(options.config_file)]
    child = await asyncio.create_subprocess_exec(*command, "check", stdout=asyncio.subprocess.DEVNULL)
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    log.info("check_finished", exit_code=code)
