"""``bluezone-agent take-part``: a member's receipt for the organiser of a campaign."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app import take_part as receipts
from bluezone_agent.cli.base import PATH_OR_STREAM, Command, argument, device, json_option, option, print_json, say
from bluezone_agent.cli.questions import require_yes
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_
from bluezone_agent.files import is_standard, require_absent
from bluezone_agent.i18n import _, local_date


@click.command(
    "take-part",
    cls=Command,
    answers=receipts.TakePart,
    help=N_(
        "Write a receipt for the organiser of a campaign: on how many of the last 14 days this device scanned, and how"
        " much of that time, in coarse steps. CODE is on the slip that you drew. The receipt holds no name, no contact"
        " and no key, and is shown before it is written."
    ),
)
@argument("code", metavar="CODE")
@option(
    "--to", "file", type=PATH_OR_STREAM, metavar="FILE", help=N_("Where to write it (default: receipt-NUMBER.json).")
)
@option("--yes", is_flag=True, help=N_("Don't ask for confirmation (for scripts)."))
@json_option
def take_part(*, code: str, file: Path | None, yes: bool, as_json: bool) -> None:
    """Show the receipt, ask, and write it."""
    parsed = receipts.code_of(code)
    path = file or receipts.default_file()
    require_absent(path)
    made = receipts.receipt(device(), parsed)
    shown = receipts.TakePart.of(made, path)
    if not yes:
        require_yes("\n".join(_lines(shown)), _("write it to {path}?").format(path=path))
    done = receipts.write_receipt(made, path)
    if as_json:
        print_json(done)
        return
    if is_standard(path):
        return
    if yes:
        for line in _lines(done):
            click.echo(wrapped(line))
    say(_("written: {path}").format(path=path))
    say(_("put it into the drop box without your name: a letter or message that you send shows whose it is"))


def _lines(shown: receipts.TakePart) -> list[str]:
    """Return everything that the file says."""
    return [
        _("the receipt says:"),
        _("  campaign: {campaign}").format(campaign=shown.campaign),
        _("  number of your code: {code_id} (the code itself is not in it)").format(code_id=shown.code_id),
        _("  date: {day}").format(day=local_date(shown.made_on)),
        _("  days on which this device scanned: {days} (rounded down to 0, 1, 3, 7 or 14)").format(days=shown.days_run),
        _("  of these days it scanned: {share} % (to the nearest of 0, 25, 50, 75 and 100)").format(
            share=shown.share_percent
        ),
        _("  and a check value that only your code can make"),
        _("The organiser knows which codes went to your unit, not which one you drew."),
    ]
