"""``bluezone-agent keys``: the owner's own daily keys."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import own_keys
from bluezone_agent.app.own_keys import KeyEntry
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.shown_submission import submitted_text
from bluezone_agent.cli.base import (
    DAY,
    PATH_OR_STREAM,
    Command,
    Group,
    Lazy,
    argument,
    device,
    json_option,
    option,
    print_json,
    say,
)
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.cli.questions import require_yes
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.errors import N_
from bluezone_agent.files import is_standard
from bluezone_agent.i18n import _, local_time, ngettext

LAZY: Final = {
    "publish": Lazy("publish:publish", N_("Submit your keys to a key server")),
    "encrypt": Lazy("encrypt:encrypt", N_("Encrypt your keys with a passphrase")),
    "decrypt": Lazy("encrypt:decrypt", N_("Remove the passphrase from your keys")),
    "sources": Lazy("sources:sources", N_("Show sources of diagnosis keys and their files")),
    "chaff": Lazy("publish:chaff", N_("Send a fake submission (chaff)")),
}


@click.group(
    cls=Group,
    help=N_("List or submit your daily keys; inspect published diagnosis keys."),
    lazy=LAZY,
)
def keys() -> None:
    """Group of the key commands."""


@keys.command(
    "list", cls=Command, answers=own_keys.KeyList, help=N_("List your daily keys. The keys themselves are never shown.")
)
@json_option
def list_keys(*, as_json: bool) -> None:
    """Print the keys that can be exported."""
    found = own_keys.list_keys(device())
    if as_json:
        print_json(found)
        return
    for own in found.keys:
        line = _("{start} to {end}  {protocol}  {state}").format(
            start=local_time(own.starts_at),
            end=local_time(own.ends_at),
            protocol=own.protocol,
            state=_state(own),
        )
        click.echo(wrapped(line))
    if not found.keys:
        click.echo(_("no keys yet: the agent creates them while it runs"))
    if found.encrypted:
        click.echo(_("encrypted with a passphrase"))
    if found.submitted is not None:
        click.echo(wrapped(submitted_text(found.submitted)))


def _state(own: KeyEntry) -> str:
    if not own.exportable:
        return _("never exported: the clock was not trusted")
    return _("in use") if own.on_air else _("ended")


@keys.command(
    cls=Command,
    answers=own_keys.Exported,
    help=N_("Write your keys to FILE, to submit to the health authority when you are a case (F0)."),
)
@argument("file", type=PATH_OR_STREAM)
@option(
    "--days",
    metavar="DAYS",
    type=click.IntRange(1, RETENTION_DAYS),
    default=RETENTION_DAYS,
    show_default=True,
    help=N_("How many days of keys, today included; today's key ends now."),
)
@option("--onset", type=DAY, help=N_("First day of symptoms, YYYY-MM-DD."))
@option("--yes", is_flag=True, help=N_("Don't ask for confirmation (for scripts)."))
@passphrase_option
@json_option
def export(*, file: Path, days: int, onset: datetime | None, yes: bool, passphrase: Passphrase, as_json: bool) -> None:
    """Write a submission after confirmation; the key in use is ended and replaced immediately."""
    day = onset.date() if onset else None
    own_keys.require_exportable(file, day)
    if not yes:
        require_yes(
            _(
                "This writes your keys of the last {days} days to {file}. Anyone with the file can"
                " tell which advertisements were yours on those days. Today's key ends now; a new one"
                " is used from here on."
            ).format(days=days, file=file),
            _("Export your keys?"),
        )
    done = own_keys.export_keys(device(), file, passphrase, days=days, onset=day)
    if as_json and not is_standard(file):
        print_json(done)
    else:
        say(
            ngettext("{n} key written to {file}", "{n} keys written to {file}", done.keys).format(
                n=done.keys, file=done.file
            )
        )
