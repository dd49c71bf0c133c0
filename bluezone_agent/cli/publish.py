"""``bluezone-agent keys publish``: submit the owner's keys to a key server (Google's protocol)."""

from __future__ import annotations

from datetime import datetime

import click

from bluezone_agent.app import submission
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.submission import Submitted
from bluezone_agent.app.submit_service import serve_submissions
from bluezone_agent.cli.base import DAY, Command, device, json_option, option, print_json, printable, say
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
        "Submit your Exposure Notification keys to the key server in [publish], if you are a case"
        " (F0) and your health authority gave you a code."
    ),
)
@option(
    "--code",
    metavar="CODE",
    default="",
    help=N_(
        'Code from your health authority ("-": read it from standard input). After a network failure, retry without it.'
    ),
)
@option(
    "--days",
    metavar="DAYS",
    type=click.IntRange(1, RETENTION_DAYS),
    default=RETENTION_DAYS,
    show_default=True,
    help=N_("How many days of keys, today included; today's key ends now."),
)
@option(
    "--onset",
    type=DAY,
    help=N_("First day of symptoms, YYYY-MM-DD."),
)
@option("--traveler", is_flag=True, help=N_("You travelled to other regions: submit your keys for them too."))
@option("--yes", is_flag=True, help=N_("Don't ask for confirmation (for scripts)."))
@option("--serve", is_flag=True, help=N_("Keep sending the agent's submissions over the socket that systemd passes."))
@passphrase_option
@json_option
def publish(
    *,
    code: str,
    days: int,
    onset: datetime | None,
    traveler: bool,
    yes: bool,
    serve: bool,
    passphrase: Passphrase,
    as_json: bool,
) -> None:
    """Submit after confirmation; the key in use is ended and replaced immediately."""
    if serve:
        serve_submissions(device())
    if code == STANDARD:  # other users can see the command line
        code = read_line(_("Code"))
    day = onset.date() if onset else None
    submission.require_submittable(device(), day)
    if not yes:
        require_yes(
            _(
                "This sends your keys of the last {days} days to the key server, which publishes"
                " them: anyone can then tell which advertisements were yours on those days. This"
                " can't be undone. Today's key ends now; a new one is used from here on."
            ).format(days=days),
            _("Submit your keys?"),
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
                "{n} key not sent: the server accepts a limited number per day; every day has at"
                " least one key among those sent",
                "{n} keys not sent: the server accepts a limited number per day; every day has at"
                " least one key among those sent",
                done.left_out,
            ).format(n=done.left_out)
        )
    for warning in done.warnings:
        say(_("the key server warns: {reason}").format(reason=printable(warning)))
    if done.refused:
        say(_("not accepted: {reason}").format(reason=printable(done.refused)))


@click.command(
    cls=Command,
    help=N_(
        "Send a submission that the servers discard, so that nobody watching the network can"
        " recognise a real one. With chaff = true in [publish] the agent does this itself, about once"
        " a day."
    ),
)
def chaff() -> None:
    """Send chaff once; no key of this device is in it."""
    with working(_("sending to the key server")):
        submission.send_chaff(device())
    say(_("chaff sent"))
