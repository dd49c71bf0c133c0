"""``bluezone-agent keys publish``: the owner's keys to a key server of Google's kind."""

from __future__ import annotations

from datetime import datetime

import click

from bluezone_agent.app import submission
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.submission import Submitted
from bluezone_agent.cli.base import Command, device, json_option, option, print_json, printable, say
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.questions import read_line, require_yes
from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.errors import N_
from bluezone_agent.files import STANDARD
from bluezone_agent.i18n import _, ngettext


@click.command(
    cls=Command,
    answers=Submitted,
    help=N_(
        "Send your Exposure Notification keys to the key server of [publish], when you are a case (F0) and your health"
        " authority gave you a code."
    ),
)
@option(
    "--code",
    default="",
    metavar="CODE",
    help=N_('The code that you were given, "-": read it; not needed again after a failure of the network.'),
)
@option(
    "--days",
    type=click.IntRange(1, RETENTION_DAYS),
    metavar="DAYS",
    default=RETENTION_DAYS,
    show_default=True,
    help=N_("How many days back, today included."),
)
@option(
    "--onset",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help=N_("Day on which symptoms began, YYYY-MM-DD."),
)
@option("--traveler", is_flag=True, help=N_("You were in other regions: your keys are for them too."))
@option("--yes", is_flag=True, help=N_("Do not ask; for scripts."))
@passphrase_option
@json_option
def publish(
    *,
    code: str,
    days: int,
    onset: datetime | None,
    traveler: bool,
    yes: bool,
    passphrase: Passphrase,
    as_json: bool,
) -> None:
    """Publish after an explicit yes; the key on the air is cut and replaced at once."""
    if code == STANDARD:  # the command line is for all to see
        code = read_line(_("Code"))
    day = onset.date() if onset else None
    submission.require_submittable(device(), day)
    if not yes:
        require_yes(
            _(
                "This sends your keys of the last {days} days to the key server, which publishes them: everybody can"
                " then tell which broadcasts were yours on those days. It can't be undone. The key in use is closed"
                " now, and a new one goes on the air."
            ).format(days=days),
            _("Publish your keys?"),
        )
    with working(_("sending to the key server")):
        done = submission.submit_keys(device(), code, passphrase, days=days, onset=day, traveler=traveler)
    if as_json:
        print_json(done)
    else:
        _print(done)


def _print(done: Submitted) -> None:
    say(
        ngettext("{n} key sent, {inserted} published", "{n} keys sent, {inserted} published", done.sent).format(
            n=done.sent, inserted=done.inserted
        )
    )
    if done.left_out:
        say(
            ngettext(
                "{n} key not sent: the server takes a limited number of each day; every day is among those sent",
                "{n} keys not sent: the server takes a limited number of each day; every day is among those sent",
                done.left_out,
            ).format(n=done.left_out)
        )
    for warning in done.warnings:
        say(_("the key server warns: {reason}").format(reason=printable(warning)))
    if done.refused:
        say(_("not taken: {reason}").format(reason=printable(done.refused)))


@click.command(
    cls=Command,
    help=N_(
        "Send a publication that the servers throw away, so that a real one can't be told from the traffic. With"
        " chaff = true in [publish] the agent does it by itself, about once a day."
    ),
)
def chaff() -> None:
    """Send chaff once; no key of this device is in it."""
    with working(_("sending to the key server")):
        submission.send_chaff(device())
    say(_("chaff sent"))
