"""``bluezone-agent gate report``, ``calibrate`` and ``forget``."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path

import click

from bluezone_agent.app import door as doors
from bluezone_agent.app import door_text as words
from bluezone_agent.app.door import DoorReport, GateCalibrated, GateForgotten
from bluezone_agent.app.door_paper import report_csv
from bluezone_agent.cli.base import (
    DAY,
    PATH_OR_STREAM,
    Command,
    device,
    json_option,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.questions import require_yes
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.core.door import CalibrationStep, DoorCalibration
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.files import write_over
from bluezone_agent.html.door import report_page
from bluezone_agent.i18n import _, local_date, local_number, ngettext

FORMS = ("csv", "html")


@click.command(
    cls=Command,
    answers=DoorReport,
    help=N_(
        "Show how many people passed, by hour and day, and the share of them with a device that broadcasts. --to csv"
        " or html prints a table, or a page for print. The agent need not run."
    ),
)
@option("--day", type=DAY, metavar="DAY", help=N_("The last day to show (default: today)."))
@option(
    "--days", type=click.IntRange(1, 3650), default=1, show_default=True, metavar="NUMBER", help=N_("How many days.")
)
@option("--to", "form", type=click.Choice(FORMS), help=N_("Write a table for programs, or a page for print."))
@option("--passages", is_flag=True, help=N_("Show each person with the minute, and the label if there is one."))
@option("--file", "path", type=PATH_OR_STREAM, default="-", metavar="FILE", help=N_("Where to write it (-: print)."))
@json_option
def report(*, day: datetime | None, days: int, form: str | None, passages: bool, path: Path, as_json: bool) -> None:
    """Print the figures, or write them."""
    until = day.date() if day else doors.today(device())
    found = doors.report(device(), until - timedelta(days=days - 1), until, passages=passages)
    if form is not None:
        write_over(path, report_csv(found) if form == "csv" else report_page(found).encode())
    elif as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: DoorReport) -> None:
    if not found.days:
        click.echo(_("nobody was counted"))
    for day in found.days:
        title = _("{day}: {n} people, {share} with a device").format(
            day=local_date(day.day), n=words.everybody(day.people), share=words.share(day.share_percent)
        )
        print_table(
            words.columns(),
            [words.row(words.hour(hour), hour.people, hour.share_percent) for hour in day.hours],
            title=title,
            right=range(1, 6),
        )
        for passage in day.passages:
            click.echo(wrapped(printable(words.passage(passage))))
        if day.clock_doubted:
            text = ngettext(
                "{n} person passed while the clock was not trusted: the hour may be wrong",
                "{n} people passed while the clock was not trusted: their hour may be wrong",
                day.clock_doubted,
            )
            click.echo(wrapped(text.format(n=day.clock_doubted)))


@click.command(
    cls=Command,
    answers=GateCalibrated,
    help=N_(
        "Measure how strong a phone is at this door: in one minute, hold one at 30 cm, then step back to 1.5 m with it."
        " The agent counts by the result from then on."
    ),
)
@json_option
def calibrate(*, as_json: bool) -> None:
    """Guide through the minute."""
    done = asyncio.run(_calibrated())
    if as_json:
        print_json(done)
        return
    say(
        _("at 30 cm {near:.0f} dBm, at 1.5 m {away:.0f} dBm: near is from {threshold} dBm").format(
            near=local_number(done.near_dbm), away=local_number(done.away_dbm), threshold=done.threshold_dbm
        )
    )


async def _calibrated() -> GateCalibrated:
    last: DoorCalibration | None = None
    threshold = 0
    async with aclosing(doors.calibration(device())) as steps:
        async for door in steps:
            shown = door.calibration
            if shown is not None and (last is None or shown.step is not last.step):
                say(words.step(shown))
            last, threshold = shown, door.threshold_dbm
    if last is None or last.step is not CalibrationStep.DONE or last.near_dbm is None or last.away_dbm is None:
        raise AgentError(N_("the calibration was ended by somebody else"), N_("start it again"))
    return GateCalibrated(threshold_dbm=threshold, near_dbm=last.near_dbm, away_dbm=last.away_dbm)


@click.command(
    cls=Command,
    answers=GateForgotten,
    help=N_("Delete what is kept of the door: passages, labels and the measured threshold, or only the labels."),
)
@option("--labels", "labels_only", is_flag=True, help=N_("Delete only the labels."))
@option("--yes", is_flag=True, help=N_("Don't ask for confirmation (for scripts)."))
@json_option
def forget(*, labels_only: bool, yes: bool, as_json: bool) -> None:
    """Delete after confirmation."""
    if not yes:
        what = _("This deletes the labels of all people who were counted at the door.")
        if not labels_only:
            what = _("This deletes the counts of the door, all labels, and the threshold that was measured at it.")
        require_yes(what, _("Delete this?"))
    done = doors.forget(device(), labels_only=labels_only)
    if as_json:
        print_json(done)
    elif labels_only:
        say(ngettext("{n} label deleted", "{n} labels deleted", done.labels).format(n=done.labels))
    else:
        say(ngettext("{n} passage deleted", "{n} passages deleted", done.passages).format(n=done.passages))
