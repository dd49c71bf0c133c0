"""``bluezone-agent run``: the daemon."""

from __future__ import annotations

import asyncio
import logging
import secrets
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
            await _in_child(options, "check")
        checks_a_day = 24 / config.check_every_hours
        if config.publish and config.publish.chaff and secrets.randbelow(1000) < 1000 / checks_a_day:
            await _in_child(options, "keys", "chaff")

    agent = Agent(
        store=store,
        radio=make_radio(
            config.radio,
            clock,
            record=Path(config.record) if config.record else None,
            plan=config.radio_plan,
            linkable_anyway=config.linkable_anyway,
        ),
        clock=clock,
        protocol=PROTOCOLS[config.protocol],
        tx_power_dbm=config.tx_power_dbm,
        check=check,
        check_every_hours=config.check_every_hours,
        allow_power_cycle=config.allow_power_cycle,
        linkable_anyway=config.linkable_anyway,
        sources=len(config.sources),
        witnesses=len(config.radios) - 1,
    )
    await agent.run(stop)


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
