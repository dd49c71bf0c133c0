"""``bluezone-agent export``: the owner's data for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app import own_data
from bluezone_agent.cli.base import PATH, Command, argument, device, json_option, option, print_json, printable, say
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.questions import require_yes
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, ngettext


@click.command(
    cls=Command,
    answers=own_data.DataExport,
    help=N_(
        "Write your data as tables into the new folder DIR, with a dictionary of what they mean: contacts, exposures,"
        " checks, scanning, pauses, calibrations, diary. They contain no keys and no identifiers. The agent may keep"
        " running. To move to another device, make a backup instead."
    ),
)
@argument("folder", metavar="DIR", type=PATH)
@option(
    "--to",
    "format_name",
    type=click.Choice(tuple(own_data.FORMATS)),
    required=True,
    help=N_("The format; parquet needs the extra [parquet]."),
)
@option("--yes", is_flag=True, help=N_("Don't ask for confirmation (for scripts)."))
@json_option
def export(*, folder: Path, format_name: str, yes: bool, as_json: bool) -> None:
    """Write the tables after confirmation."""
    own_data.require_possible(folder, format_name)
    if not yes:
        require_yes(
            _(
                "This writes to {folder} when and for how long you were near others, your exposures, when the device"
                " scanned, and your diary, unencrypted. It contains no keys and no identifiers, but whoever reads it"
                " learns about your days, and perhaps who the case was."
            ).format(folder=printable(str(folder))),
            _("Export your data?"),
        )
    with working(_("writing the export")):
        done = own_data.export_data(device(), folder, format_name)
    if as_json:
        print_json(done)
        return
    n = sum(table.rows for table in done.tables)
    say(
        ngettext("{n} row written to {folder}", "{n} rows written to {folder}", n).format(
            n=n, folder=printable(str(done.folder))
        )
    )
    say(_("what the columns mean is in {file}").format(file="DICTIONARY.md"))
