"""``bluezone-agent run``: the daemon."""

from __future__ import annotations

import logging

import click

from bluezone_agent.app import daemon
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.cli.base import Command, fail, is_person, new_device, option, printable, say
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.cli.talk import log_level
from bluezone_agent.core.packet_share import SPARSE_SCAN_MODE
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _


@click.command(cls=Command, help=N_("Broadcast, scan, record contacts and check for exposures until stopped."))
@passphrase_option
@option("--no-check", is_flag=True, help=N_("Leave checks to a timer; the agent then needs no network."))
def run(*, passphrase: Passphrase, no_check: bool) -> None:
    """Run the agent in the foreground; SIGTERM and SIGINT stop it cleanly."""
    daemon.run(
        new_device(),
        passphrase,
        checks=not no_check,
        log_level=log_level(logging.INFO),
        started=_say_started,
        damaged=fail,
    )


def _say_started(radio: str, scan_mode: str, protocol: str) -> None:
    """Tell a person at a terminal what happens now, how it ends, and where to look."""
    if is_person():
        text = _("This device now advertises {protocol} identifiers on {radio} and scans for others.")
        say(text.format(protocol=protocol, radio=printable(radio)))
        if scan_mode == SPARSE_SCAN_MODE:
            say(
                _(
                    "Through bluetoothd some adapters report a nearby device only once in 11 s. To receive every"
                    " packet, install the agent as a service: sudo scripts/install"
                )
            )
        say(_("Press Ctrl-C to stop. To check on it, run in a second terminal: bluezone-agent status"))
