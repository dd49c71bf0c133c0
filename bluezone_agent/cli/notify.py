"""``bluezone-agent notify``: what the owner has to know of outages."""

from __future__ import annotations

import click

from bluezone_agent.app.outage_notices import notify_of_outages
from bluezone_agent.cli.base import Command, device, printable, say
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _


@click.command(
    cls=Command,
    help=N_("Tell the owner, by notify_command, when listening or checks have stopped or go on again."),
)
def notify() -> None:
    """Give what notices are due; exit 0 also when that fails, since they are tried again."""
    reason = notify_of_outages(device())
    if reason is not None:
        say(_("the notice could not be given: {reason}").format(reason=printable(reason)))
