"""``bluezone-agent contacts``: contacts per hour."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app.contacts import ContactHistory, HourOfContacts, close_at_once, hour_in_words, in_words
from bluezone_agent.app.contacts import contacts as received_contacts
from bluezone_agent.cli.base import PATH_OR_STREAM, Command, device, json_option, option, print_json
from bluezone_agent.cli.gaps import gap_text
from bluezone_agent.cli.html.contacts import render
from bluezone_agent.cli.html.page import write_page
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.errors import N_
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
    if page:
        write_page(page, render(found.hours, list(_notes(found))))
    if as_json:
        print_json(found)
        return
    if found.hours:
        _print(found.hours)
        for note in _notes(found):
            click.echo(wrapped(note))
    else:
        click.echo(_("no devices detected"))
    listened_s = sum((span.ends_at - span.starts_at).total_seconds() for span in found.listening)
    n = int(listened_s // 60)
    click.echo(ngettext("scanned for {n} minute", "scanned for {n} minutes", n).format(n=n))
    for gap in found.not_listening:
        click.echo(wrapped(gap_text(gap)))


def _print(hours: tuple[HourOfContacts, ...]) -> None:
    columns = (
        _("hour"),
        _("identifiers"),
        _("minutes"),
        _("close at once"),
        _("close"),
        _("medium"),
        _("far"),
        _("strongest"),
    )
    for day, its_hours in groupby(hours, lambda h: local_date(h.starts_at)):
        its = list(its_hours)
        rows = [
            (
                local_clock(hour.starts_at),
                *map(
                    str,
                    (
                        hour.identifiers,
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
            title=f"{day}: {in_words(its)}",
            right=range(1, len(columns)),
            sentences=[hour_in_words(hour) for hour in its],
        )


def _notes(found: ContactHistory) -> Iterator[str]:
    yield _(
        "minutes summed over identifiers, by attenuation: close: up to {close:g} dB (about 2 m, line of sight); medium:"
        " up to {middle:g} dB; far: above"
    ).format(close=local_number(found.close_db), middle=local_number(found.middle_db))
    yield _(
        "a device changes its identifier every 10 to 15 minutes, so one person appears as several"
        " identifiers in an hour; the devices close at once, averaged over minutes, estimate the"
        " number of people"
    )
    if not found.calibrated:
        yield _("not calibrated: attenuation may be off by 10 dB or more")
