"""``bluezone-agent notify``: deliver what its owner has to know."""

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
        "Deliver the notices that are due, by notify_command: warnings, and when listening or checks have stopped or"
        " work again."
    ),
)
@option("--serve", is_flag=True, help=N_("Deliver those of the agent for ever, over the socket that systemd passes."))
def notify(*, serve: bool) -> None:
    """Deliver what is due; exit 1 while a notice is undelivered. It is tried again."""
    if serve:
        serve_notices(device())
    delivery = notify_owner(device())
    if delivery.undelivered:
        insist(_("a notice could not be delivered: {reason}").format(reason=printable(delivery.error or "-")))
        exit_with(EXIT_FAULT)
