"""``bluezone-agent campaign``: posters, slides, texts and reminders from one file."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app import campaign as campaigns
from bluezone_agent.cli.base import PATH, PATH_OR_STREAM, Command, Group, argument, json_option, print_json, say
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.table import print_table
from bluezone_agent.errors import N_
from bluezone_agent.files import is_standard
from bluezone_agent.i18n import _, local_number


@click.group(
    cls=Group,
    help=N_("Make everything that a campaign hands out, in each language: for print, for screens, and as texts."),
)
def campaign() -> None:
    """Group of the commands that make products."""


@campaign.command(
    cls=Command,
    answers=campaigns.CampaignStarted,
    help=N_("Write FILE, a campaign.toml with every setting explained."),
)
@argument("file", metavar="FILE", type=PATH_OR_STREAM)
@json_option
def new(*, file: Path, as_json: bool) -> None:
    """Write an example; an existing file is never overwritten."""
    started = campaigns.new(file, _("en"))
    if is_standard(file):
        return
    if as_json:
        print_json(started)
        return
    say(_("written: {path}").format(path=file))
    say(_("change it, then: bluezone-agent campaign make {path} DIR").format(path=file))


@campaign.command(
    cls=Command,
    answers=campaigns.CampaignMade,
    help=N_(
        "Make the new folder DIR from FILE: posters A4 and A3 and a leaflet A5, slides for lifts and outdoor screens, a"
        " page for the public Wi-Fi, texts for SMS, Zalo and loudspeakers, and reminders for a calendar."
    ),
)
@argument("plan", metavar="FILE", type=PATH)
@argument("folder", metavar="DIR", type=PATH)
@json_option
def make(*, plan: Path, folder: Path, as_json: bool) -> None:
    """Make; if something is wrong nothing is written."""
    with working(_("making")):
        made = campaigns.make(plan, folder)
    if as_json:
        print_json(made)
        return
    rows = [[str(one.path.relative_to(folder)), f"{local_number(one.size_bytes / 1000):.1f}"] for one in made.files]
    print_table([_("file"), "kB"], rows, right=[1])
    for one in made.sms:
        click.echo(
            _("SMS in {language}: {units} of {limit} units ({alphabet})").format(
                language=one.language, units=one.units, limit=one.limit, alphabet=one.alphabet
            )
        )
    say(_("written: {path}").format(path=made.folder))
    say(_("scan each QR code with a telephone before you print, and have somebody read the texts aloud"))
