"""``bluezone-agent run``: the daemon."""

from __future__ import annotations

import click

from bluezone_agent.app import daemon
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.cli.base import Command, fail, new_device, option
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.errors import N_


@click.command(cls=Command, help=N_("Broadcast, scan, record contacts and check for exposures until stopped."))
@passphrase_option
@option("--no-check", is_flag=True, help=N_("Leave checks to a timer; the agent then needs no network."))
def run(*, passphrase: Passphrase, no_check: bool) -> None:
    """Run the agent in the foreground; SIGTERM and SIGINT stop it cleanly."""
    daemon.run(new_device(), passphrase, checks=not no_check, damaged=fail)
