"""``bluezone-agent contacts``: what was heard, hour by hour."""

from __future__ import annotations

import time

import click

from bluezone_agent.cli.base import Command, iso, json_option, option, print_json, settings
from bluezone_agent.cli.gaps import gap_as_json, gap_text
from bluezone_agent.cli.i18n import _, local_clock, local_date, ngettext
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_
from bluezone_agent.stores.contacts import ContactHour
from bluezone_agent.stores.listening import Span, gaps
from bluezone_agent.stores.store import RETENTION_DAYS, Store


@click.command(cls=Command, help=N_("Show how much was heard of others, hour by hour. Nobody can be recognised in it."))
@option(
    "--days",
    type=click.IntRange(1, RETENTION_DAYS),
    default=1,
    show_default=True,
    help=N_("How many days to look back."),
)
@json_option
def contacts(*, days: int, as_json: bool) -> None:
    """Print contact hours."""
    since_s = time.time() - days * DAY_S
    with Store(settings().state_dir) as store:
        hours = store.contacts.hours(since_s)
        spans = store.listening.since(since_s)
    missed = gaps(spans, spans[0].starts_at_s, spans[-1].ends_at_s) if spans else []
    if as_json:
        print_json(
            {
                "days": days,
                "hours": [_as_json(hour) for hour in hours],
                "listening": [_span_as_json(span) for span in spans if span.listened],
                "not_listening": [gap_as_json(gap) for gap in missed],
            }
        )
        return
    if hours:
        _print(hours)
    else:
        click.echo(_("nobody was heard in this time"))
    minutes = sum(span.ends_at_s - span.starts_at_s for span in spans if span.listened) // 60
    click.echo(ngettext("it listened for {n} minute", "it listened for {n} minutes", minutes).format(n=minutes))
    for gap in missed:
        click.echo(gap_text(gap))


def _span_as_json(span: Span) -> dict[str, object]:
    return {"starts_at": iso(span.starts_at_s), "ends_at": iso(span.ends_at_s), "scan_mode": span.scan_mode}


def _as_json(hour: ContactHour) -> dict[str, object]:
    return {
        "starts_at": iso(hour.starts_at_s),
        "identifiers": hour.identifiers,
        "minutes": hour.minutes,
        "identifier_minutes": hour.identifier_minutes,
        "strongest_dbm": hour.strongest_dbm,
    }


def _print(hours: list[ContactHour]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None)
    table.add_column(_("hour"))
    for name in (_("identifiers"), _("minutes near somebody"), _("minutes of all"), _("strongest")):
        table.add_column(name, justify="right")
    for hour in hours:
        table.add_row(
            f"{local_date(hour.starts_at_s)} {local_clock(hour.starts_at_s)}",
            str(hour.identifiers),
            str(hour.minutes),
            str(hour.identifier_minutes),
            f"{hour.strongest_dbm} dBm",
        )
    Console().print(table)
    click.echo(
        _("a device changes its identifier every 10 to 15 minutes, so one person is several identifiers an hour")
    )
