"""``bluezone-agent trial collect``: the recordings of all devices, into one folder."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app import trial_collect as collecting
from bluezone_agent.cli.base import PATH, Command, argument, exit_with, fail, json_option, print_json, say
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _, local_number, ngettext


@click.command(
    cls=Command,
    answers=collecting.TrialCollection,
    help=N_(
        "Bring the recordings of other devices into the folder DIR of the same trial, by rsync over SSH. HOST is as for"
        " ssh, with :FOLDER if the trial is not in a folder of the same name there. It can be run during the trial, and"
        " again: an interrupted transfer continues. The secret is never transferred."
    ),
)
@argument("hosts", metavar="HOST...", nargs=-1, required=True)
@argument("folder", metavar="DIR", type=PATH)
@json_option
def collect(*, hosts: tuple[str, ...], folder: Path, as_json: bool) -> None:
    """Collect; exit 1 when a host failed."""
    done = collecting.collect(folder, hosts, lambda host: None if as_json else _say(host))
    if as_json:
        print_json(done)
    elif done.missing:
        say(_("without a recording here: {devices}").format(devices=", ".join(done.missing)))
    if not done.complete:
        exit_with(EXIT_FAULT)


def _say(host: collecting.CollectedHost) -> None:
    if host.error is not None:
        fail(host.error)
    elif host.files:
        say(
            ngettext(
                "{host}: {n} file, {mb:.1f} MB of {devices}", "{host}: {n} files, {mb:.1f} MB of {devices}", host.files
            ).format(host=host.host, n=host.files, mb=local_number(host.bytes / 1e6), devices=", ".join(host.devices))
        )
    else:
        say(_("{host}: nothing new").format(host=host.host))
