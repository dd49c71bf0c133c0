"""``bluezone-agent uptake report``: the table of a round."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app import uptake_report as reports
from bluezone_agent.app import uptake_text as words
from bluezone_agent.cli.base import PATH_OR_STREAM, Command, json_option, option, print_json, say
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.uptake import folder_option, round_option
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_
from bluezone_agent.extra_packages import imported
from bluezone_agent.files import write_over
from bluezone_agent.i18n import _
from bluezone_agent.tables.names import DEFAULT_ENGINE, ENGINE_NAMES

FORMS = ("csv", "xlsx", "pdf")


@click.command(
    cls=Command,
    answers=reports.UptakeReport,
    help=N_(
        "Show who takes part in a round: people who have it, share, change, and who did not report. Units with fewer"
        " than 5 people are not shown, nor others that would give them away."
    ),
)
@round_option
@option("--unit", metavar="UNIT", help=N_("Show this unit and those below it (default: all)."))
@option(
    "--levels",
    type=click.IntRange(0, 20),
    default=1,
    show_default=True,
    metavar="NUMBER",
    help=N_("How many levels of sub-units to show."),
)
@option(
    "--deadline",
    metavar="TIME",
    help=N_("Time by which units had to report: 10:00 on the day of the first report, or 2021-05-10T10:00."),
)
@option(
    "--engine",
    type=click.Choice(ENGINE_NAMES),
    default=DEFAULT_ENGINE,
    show_default=True,
    help=N_("What computes the tables: DuckDB in this process, or Spark as it is configured (extra [spark])."),
)
@option("--csv", type=PATH_OR_STREAM, metavar="FILE", help=N_("Also write the table as CSV."))
@option("--xlsx", type=PATH_OR_STREAM, metavar="FILE", help=N_("Also write the table for a spreadsheet."))
@option("--pdf", type=PATH_OR_STREAM, metavar="FILE", help=N_("Also write a letter for print."))
@folder_option
@json_option
def report(
    *,
    number: int | None,
    unit: str | None,
    levels: int,
    deadline: str | None,
    engine: str,
    folder: Path,
    as_json: bool,
    **files: Path | None,
) -> None:
    """Report; files of an older report are replaced."""
    with working(_("computing")):
        found = reports.report(folder, number=number, unit=unit, levels=levels, deadline=deadline, engine=engine)
        written = {path: _written(found, form) for form in FORMS if (path := files[form])}
    for path, content in written.items():
        write_over(path, content)
    if as_json:
        print_json(found)
        return
    if Path("-") not in written:
        _print(found)
    for path in written:
        say(_("written: {path}").format(path=path))


def _written(found: reports.UptakeReport, form: str) -> bytes:
    content: bytes = getattr(imported("app.uptake_paper", reports.EXTRA), f"report_{form}")(found)
    return content


def _print(found: reports.UptakeReport) -> None:
    click.echo(wrapped(words.heading(found), hanging=0))
    table = words.table(found)
    rows = [[words.cell(value, name) for name, value in zip(table.names, row, strict=True)] for row in table.rows]
    print_table(
        table.names,
        rows,
        right=range(1, len(table.names)),
        sentences=[words.sentence(unit) for unit in found.units],
    )
    for note in words.notes(found):
        click.echo(wrapped(note))
