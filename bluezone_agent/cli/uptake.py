"""``bluezone-agent uptake``: who takes part, unit by unit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import uptake as campaigns
from bluezone_agent.cli.base import (
    PATH,
    PATH_OR_STREAM,
    Command,
    Group,
    Lazy,
    argument,
    json_option,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_time, ngettext
from bluezone_agent.uptake.folder import DENOMINATORS, ZONE
from bluezone_agent.uptake.receipts import Refusal

folder_option = option(
    "--folder", type=PATH, default=".", metavar="DIR", help=N_("Folder of the campaign (default: the current one).")
)
round_option = option(
    "--round",
    "number",
    type=click.IntRange(1, 1000),
    metavar="NUMBER",
    help=N_("Round of the campaign (default: the latest)."),
)
COUNT: Final = click.IntRange(0, 200_000_000)
REASONS: Final = {
    Refusal.UNREADABLE: N_("not a receipt"),
    Refusal.OTHER_CAMPAIGN: N_("of another campaign"),
    Refusal.UNKNOWN_CODE: N_("of no code that was handed out"),
    Refusal.FORGED: N_("forged or edited"),
    Refusal.FUTURE: N_("dated in the future"),
    Refusal.REPEATED: N_("repeated: of each code one receipt counts"),
    Refusal.EARLIER_ROUND: N_("already counted in an earlier round"),
}
LATER: Final = {
    "census": Lazy("uptake_census:census", N_("Count devices on the air against people counted there")),
    "report": Lazy("uptake_report:report", N_("Show who takes part, and who did not report")),
}


@click.group(
    cls=Group,
    lazy=LATER,
    help=N_(
        "Count who takes part in each unit: as reported, as confirmed by devices, and as counted on the air. The three"
        " are never mixed."
    ),
)
def uptake() -> None:
    """Group of the commands of an organiser."""


@uptake.command(
    cls=Command,
    answers=campaigns.UptakeMade,
    help=N_(
        "Make the folder DIR of a campaign from FILE, a table with the columns unit,parent,headcount and, if you like,"
        " name. A unit that has sub-units has no headcount of its own."
    ),
)
@argument("units", metavar="FILE", type=PATH)
@argument("folder", metavar="DIR", type=PATH)
@option(
    "--denominator",
    type=click.Choice(DENOMINATORS),
    default="staff",
    show_default=True,
    metavar="NAME",
    help=N_("Who is counted in the headcounts: staff, pupils, households or residents."),
)
@option("--timezone", "zone", metavar="NAME", default=ZONE, show_default=True, help=N_("Time zone of deadlines."))
@option(
    "--target", type=click.FloatRange(0, 100), metavar="NUMBER", help=N_("Share that each unit should reach, percent.")
)
@json_option
def new(*, units: Path, folder: Path, denominator: str, zone: str, target: float | None, as_json: bool) -> None:
    """Make a folder; an existing one is never changed."""
    made = campaigns.new(units, folder, denominator, zone, target, language=_("en"))
    if as_json:
        print_json(made)
        return
    say(
        _("{path}: {n} units, of which {reporting} report; headcount {headcount}").format(
            path=folder, n=made.units, reporting=made.reporting_units, headcount=made.headcount
        )
    )
    if made.awaited:
        say(_("without a headcount, so a signed report is awaited: {units}").format(units=", ".join(made.awaited)))
    say(_("go into it, then: bluezone-agent uptake record UNIT --installed NUMBER"))


@uptake.command(
    cls=Command,
    answers=campaigns.UptakeRecorded,
    help=N_("Record what the head of UNIT reported. A later report of the same round replaces it."),
)
@argument("unit", metavar="UNIT")
@option("--installed", type=COUNT, metavar="NUMBER", help=N_("How many people have it."))
@option("--streets", type=COUNT, metavar="NUMBER", help=N_("Streets that house-to-house teams have finished."))
@option("--leaflets", type=COUNT, metavar="NUMBER", help=N_("Leaflets that they handed out."))
@option("--at", metavar="TIME", help=N_("When it was reported: 09:40, or 2021-05-10T09:40 (default: now)."))
@round_option
@folder_option
@json_option
def record(
    *,
    unit: str,
    installed: int | None,
    streets: int | None,
    leaflets: int | None,
    at: str | None,
    number: int | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Append a line to reported.csv."""
    if installed is None and streets is None and leaflets is None:
        raise click.UsageError(_("nothing to record: give --installed, --streets or --leaflets"))
    done = campaigns.record(folder, unit, installed=installed, streets=streets, leaflets=leaflets, number=number, at=at)
    if as_json:
        print_json(done)
        return
    said = []
    if done.installed is not None:
        said.append(
            _("{installed} of {headcount} installed").format(installed=done.installed, headcount=done.headcount)
        )
    if done.streets is not None:
        said.append(ngettext("{n} street", "{n} streets", done.streets).format(n=done.streets))
    if done.leaflets is not None:
        said.append(ngettext("{n} leaflet", "{n} leaflets", done.leaflets).format(n=done.leaflets))
    say(_("round {round}, {unit}: {figures}").format(round=done.round, unit=done.unit, figures=", ".join(said)))


@uptake.command(
    cls=Command,
    answers=campaigns.UptakeCodes,
    help=N_(
        "Make a code for each member, and write slips in random order to cut and to draw from a box. Codes are only"
        " made for members who have none yet."
    ),
)
@option("--csv", "csv_path", type=PATH_OR_STREAM, metavar="FILE", help=N_("Write the slips as a table."))
@option("--pdf", type=PATH_OR_STREAM, metavar="FILE", help=N_("Write the slips for print."))
@folder_option
@json_option
def codes(*, csv_path: Path | None, pdf: Path | None, folder: Path, as_json: bool) -> None:
    """Make codes; codes.csv stays with the organiser."""
    with working(_("making codes")):
        done = campaigns.make_codes(folder, csv_path, pdf)
    if as_json:
        print_json(done)
        return
    say(
        ngettext("{n} new code, {all} in all", "{n} new codes, {all} in all", done.made).format(
            n=done.made, all=done.codes
        )
    )
    if done.slips:
        say(_("slips: {path}").format(path=done.slips))
    say(_("let each member draw a slip unseen, and write down for nobody which one"))
    say(_("codes.csv lets its owner forge receipts: keep it to yourself, and delete the slips once they are printed"))


@uptake.command(
    cls=Command,
    answers=campaigns.UptakeCollected,
    help=N_(
        "Verify the receipts in FOLDER, a drop box without senders, and count them. Forged, edited and repeated ones"
        " and those of another campaign are refused."
    ),
)
@argument("box", metavar="FOLDER", type=PATH)
@round_option
@folder_option
@json_option
def collect(*, box: Path, number: int | None, folder: Path, as_json: bool) -> None:
    """Collect; the files of the box stay as they are."""
    done = campaigns.collect_receipts(folder, box, number)
    if as_json:
        print_json(done)
        return
    accepted = ngettext("{n} receipt accepted", "{n} receipts accepted", done.accepted).format(n=done.accepted)
    click.echo(
        _("round {round}: {accepted}, {running} of them running").format(
            round=done.round, accepted=accepted, running=done.running
        )
    )
    for reason, n in done.refused.items():
        click.echo(wrapped(_("refused: {n}, {reason}").format(n=n, reason=_(REASONS[Refusal(reason)]))))
    say(_("you made the codes: nothing but your word shows that you did not make receipts yourself"))


@uptake.command(
    cls=Command,
    answers=campaigns.UptakeSubmitted,
    help=N_("Write this folder's units and figures into FILE, signed, for the level above."),
)
@argument("to", metavar="FILE", type=PATH_OR_STREAM)
@folder_option
@json_option
def submit(*, to: Path, folder: Path, as_json: bool) -> None:
    """Submit; the level above verifies the signature."""
    with working(_("writing")):
        done = campaigns.submit(folder, to)
    if as_json:
        print_json(done)
        return
    say(_("written: {path}").format(path=done.file))
    say(_("it has the figures of each unit, small ones too: send it to the level above only"))
    say(
        _('the level above accepts it after: bluezone-agent uptake trust "{unit}" {key}').format(
            unit=done.unit, key=done.public_key
        )
    )


@uptake.command(
    cls=Command,
    answers=campaigns.UptakeTrusted,
    help=N_("Accept reports of UNIT that the public key KEY signed. Compare the key by telephone first."),
)
@argument("unit", metavar="UNIT")
@argument("key", metavar="KEY")
@folder_option
@json_option
def trust(*, unit: str, key: str, folder: Path, as_json: bool) -> None:
    """Keep a key in trusted.csv."""
    done = campaigns.trust(folder, unit, key)
    if as_json:
        print_json(done)
        return
    say(_("reports of {unit} are accepted from the key {key}").format(unit=done.unit, key=done.public_key))
    if done.replaced and done.replaced != done.public_key:
        say(_("before, they were accepted from {key}").format(key=done.replaced))


@uptake.command(
    cls=Command,
    answers=campaigns.UptakeMerged,
    help=N_(
        "Let the signed reports in each FILE count here, in place of older ones. A unit that would be counted twice, an"
        " unknown key or a wrong signature stops it, and nothing is merged."
    ),
)
@argument("reports", metavar="FILE", type=PATH, nargs=-1, required=True)
@folder_option
@json_option
def merge(*, reports: tuple[Path, ...], folder: Path, as_json: bool) -> None:
    """Merge; all reports or none."""
    with working(_("verifying")):
        done = campaigns.merge(folder, list(reports))
    if as_json:
        print_json(done)
        return
    for one in done.reports:
        say(
            _("{unit}: {n} units, {headcount} people, as of {when}").format(
                unit=printable(one.unit), n=one.units, headcount=one.headcount, when=local_time(one.issued_at)
            )
        )
