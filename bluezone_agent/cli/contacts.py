"""``bluezone-agent contacts``: contacts per hour."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app.contacts import (
    ContactHistory,
    close_at_once,
    hour_in_words,
    in_words,
    notes,
    persons_in_words,
)
from bluezone_agent.app.contacts import contacts as received_contacts
from bluezone_agent.app.gap_text import gap_text
from bluezone_agent.cli.base import PATH_OR_STREAM, Command, device, json_option, option, print_json
from bluezone_agent.cli.diary import diary_lines
from bluezone_agent.cli.page_file import write_page
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.errors import N_
from bluezone_agent.html.contacts import render
from bluezone_agent.i18n import _, local_clock, local_date, local_number, ngettext

WIDEST: Final = 500
"""More columns than the table ever needs, so that its own width is measured."""


@click.command(
    cls=Command,
    answers=ContactHistory,
    help=N_("Show contacts per hour. Nobody can be identified from it."),
)
@option(
    "--days",
    metavar="DAYS",
    type=click.IntRange(1, RETENTION_DAYS),
    default=1,
    show_default=True,
    help=N_("Number of days to look back."),
)
@option("--page", type=PATH_OR_STREAM, metavar="FILE", help=N_("Also write an HTML page with charts."))
@json_option
def contacts(*, days: int, page: Path | None, as_json: bool) -> None:
    """Print the contacts of each hour."""
    found = received_contacts(device(), days)
    said = list(notes(found.close_db, found.middle_db, calibrated=found.calibrated))
    if page:
        write_page(page, render(found.hours, said))
    if as_json:
        print_json(found)
        return
    if found.hours:
        _print(found)
        for note in said:
            click.echo(wrapped(note))
    else:
        click.echo(_("no devices detected"))
        for note in diary_lines(found.diary):
            click.echo(wrapped(note))
    listened_s = sum((span.ends_at - span.starts_at).total_seconds() for span in found.listening)
    n = int(listened_s // 60)
    click.echo(ngettext("scanned for {n} minute", "scanned for {n} minutes", n).format(n=n))
    for gap in found.not_listening:
        click.echo(wrapped(gap_text(gap)))


def _print(found: ContactHistory) -> None:
    columns = (
        _("hour"),
        _("identifiers"),
        _("people"),
        _("minutes"),
        _("close at once"),
        _("close"),
        _("medium"),
        _("far"),
        _("strongest"),
    )
    other_notes = list(found.diary)
    for day, its_hours in groupby(found.hours, lambda h: h.starts_at.astimezone().date()):
        its = list(its_hours)
        rows = [
            (
                local_clock(hour.starts_at),
                *map(
                    str,
                    (
                        hour.identifiers,
                        f"{local_number(hour.person_equivalents):.1f}",
                        hour.minutes,
                        close_at_once([hour]),
                        hour.close_minutes,
                        hour.middle_minutes,
                        hour.far_minutes,
                    ),
                ),
                f"{hour.strongest_dbm} dBm",
            )
            for hour in its
        ]
        print_table(
            columns,
            rows,
            title=f"{local_date(day)}: {persons_in_words(its)}; {in_words(its)}",
            right=range(1, len(columns)),
            sentences=[hour_in_words(hour) for hour in its],
        )
        for note in diary_lines(found.diary, day):
            click.echo(wrapped(note))
        other_notes = [entry for entry in other_notes if entry.day != day]
    for note in diary_lines(other_notes):
        click.echo(wrapped(note))
