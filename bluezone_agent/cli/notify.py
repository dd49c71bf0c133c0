"""``bluezone-agent notify``: deliver notices to the owner."""

from __future__ import annotations

import click

from bluezone_agent.app.notice_test import NoticeTest, test_channels
from bluezone_agent.app.notify_service import serve_notices
from bluezone_agent.app.outage_notices import notify_owner
from bluezone_agent.cli.base import Command, Group, device, exit_with, json_option, option, print_json, printable
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.talk import insist
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _


@click.group(
    cls=Group,
    invoke_without_command=True,
    help=N_(
        "Deliver pending notices through the configured channels: exposure warnings, and notices that scanning or"
        " checks have stopped or work again."
    ),
)
@option("--serve", is_flag=True, help=N_("Keep delivering the agent's notices over the socket that systemd passes."))
@click.pass_context
def notify(ctx: click.Context, *, serve: bool) -> None:
    """Deliver pending notices; exit 1 while one is undelivered, which is retried later."""
    if ctx.invoked_subcommand is not None:
        return
    if serve:
        serve_notices(device())
    delivery = notify_owner(device())
    if delivery.undelivered:
        insist(_("a notice could not be delivered: {reason}").format(reason=printable(delivery.error or "-")))
        exit_with(EXIT_FAULT)


@notify.command(
    cls=Command,
    answers=NoticeTest,
    help=N_("Send a harmless notice through every channel, and say for each of them what happened."),
)
@json_option
def test(*, as_json: bool) -> None:
    """Try every channel; exit 1 if one of them failed."""
    with working(_("sending a test notice")):
        done = test_channels(device())
    if as_json:
        print_json(done)
    else:
        for channel in done.channels:
            reason = _("delivered") if channel.failure is None else printable(_(channel.failure))
            click.echo(wrapped(f"{printable(channel.name)}: {reason}"))
    if not done.delivered:
        exit_with(EXIT_FAULT)
