"""``bluezone-agent notify``: deliver notices to the owner."""

from __future__ import annotations

import click

from bluezone_agent.app.notices import serve_notices
from bluezone_agent.app.outage_notices import notify_owner
from bluezone_agent.cli.base import Command, device, exit_with, option, printable
from bluezone_agent.cli.talk import insist
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _


@click.command(
    cls=Command,
    help=N_(
        "Deliver pending notices with notify_command: exposure warnings, and notices that scanning or"
        " checks have stopped or work again."
    ),
)
@option("--serve", is_flag=True, help=N_("Keep delivering the agent's notices over the socket that systemd passes."))
def notify(*, serve: bool) -> None:
    """Deliver pending notices; exit 1 while one is undelivered, which is retried later."""
    if serve:
        serve_notices(device())
    delivery = notify_owner(device())
    if delivery.undelivered:
        insist(_("a notice could not be delivered: {reason}").format(reason=printable(delivery.error or "-")))
        exit_with(EXIT_FAULT)
