"""``bluezone-agent contacts``: what was heard, hour by hour."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from bluezone_agent.cli.base import PATH, Command, iso, json_option, option, print_json, settings
from bluezone_agent.cli.gaps import gap_as_json, gap_text
from bluezone_agent.cli.html.page import write_page
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.i18n import _, local_clock, local_date, ngettext
from bluezone_agent.stores.contact_summaries import ContactSummary
from bluezone_agent.stores.listening import Span, gaps
from bluezone_agent.stores.store import RETENTION_DAYS, Store

CLOSE_DB: Final = 55.0
MIDDLE_DB: Final = 63.0
"""SwissCovid's published thresholds."""


@click.command(cls=Command, help=N_("Show how much was heard of others, hour by hour. Nobody can be recognised in it."))
@option(
    "--days",
    type=click.IntRange(1, RETENTION_DAYS),
    default=1,
    show_default=True,
    help=N_("How many days to look back."),
)
@option("--page", type=PATH, metavar="FILE", help=N_("Draw it as well: a page of its own."))
@json_option
def contacts(*, days: int, page: Path | None, as_json: bool) -> None:
    """Print contact hours."""
    now_s = time.time()
    since_s = now_s - days * DAY_S
    assumed_dbm = settings().config().assumed_tx_power_dbm
    with Store(settings().state_dir) as store:
        calibrated = calibration_in_force(store, now_s)
        correction_db = calibrated.calibration.rssi_correction_db if calibrated else 0.0
        close_dbm, middle_dbm = (assumed_dbm - limit_db - correction_db for limit_db in (CLOSE_DB, MIDDLE_DB))
        hours = store.contact_summaries.hours(since_s, close_dbm=close_dbm, middle_dbm=middle_dbm)
        spans = store.listening.since(since_s)
    missed = gaps(spans, spans[0].starts_at_s, spans[-1].ends_at_s) if spans else []
    if page:
        from bluezone_agent.cli.html.contacts import render  # noqa: PLC0415

        write_page(page, render(hours, list(_notes(calibrated is not None))))
    if as_json:
        print_json(
            {
                "days": days,
                "close_db": CLOSE_DB,
                "middle_db": MIDDLE_DB,
                "calibrated": calibrated is not None,
                "hours": [_as_json(hour) for hour in hours],
                "listening": [_span_as_json(span) for span in spans if span.listened],
                "not_listening": [gap_as_json(gap) for gap in missed],
            }
        )
        return
    if hours:
        _print(hours)
        for note in _notes(calibrated is not None):
            click.echo(note)
    else:
        click.echo(_("nobody was heard in this time"))
    minutes = sum(span.ends_at_s - span.starts_at_s for span in spans if span.listened) // 60
    click.echo(ngettext("it listened for {n} minute", "it listened for {n} minutes", minutes).format(n=minutes))
    for gap in missed:
        click.echo(gap_text(gap))


def _span_as_json(span: Span) -> dict[str, object]:
    return {"starts_at": iso(span.starts_at_s), "ends_at": iso(span.ends_at_s), "scan_mode": span.scan_mode}


def _as_json(hour: ContactSummary) -> dict[str, object]:
    return {
        "starts_at": iso(hour.starts_at_s),
        "identifiers": hour.identifiers,
        "minutes": hour.minutes,
        "close_contacts": hour.close_contacts,
        "close_minutes": hour.close_minutes,
        "middle_minutes": hour.middle_minutes,
        "far_minutes": hour.far_minutes,
        "strongest_dbm": hour.strongest_dbm,
    }


def _print(hours: list[ContactSummary]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.table import Table  # noqa: PLC0415

    columns = (
        _("identifiers"),
        _("minutes"),
        _("close contacts"),
        _("close"),
        _("not far"),
        _("far"),
        _("strongest"),
    )
    for day, its_hours in groupby(hours, lambda h: local_date(h.starts_at_s)):
        its = list(its_hours)
        contacts = sum(h.close_contacts for h in its)
        text = ngettext("{day}: {n} close contact", "{day}: {n} close contacts", contacts)
        table = Table(box=None, title=text.format(day=day, n=contacts), title_justify="left")
        table.add_column(_("hour"))
        for name in columns:
            table.add_column(name, justify="right")
        for hour in its:
            numbers = (
                hour.identifiers,
                hour.minutes,
                hour.close_contacts,
                hour.close_minutes,
                hour.middle_minutes,
                hour.far_minutes,
            )
            table.add_row(local_clock(hour.starts_at_s), *map(str, numbers), f"{hour.strongest_dbm} dBm")
        Console().print(table)


def _notes(calibrated: bool) -> Iterator[str]:
    yield _(
        "minutes summed over identifiers: close is an attenuation of at most {close:g} dB, about 2 m without anybody"
        " between, not far at most {middle:g} dB; a close contact is an identifier that was close for a minute"
    ).format(close=CLOSE_DB, middle=MIDDLE_DB)
    yield _("a device changes its identifier every 10 to 15 minutes, so one person is several identifiers an hour")
    if not calibrated:
        yield _("not calibrated: attenuations may be off by 10 dB and more")
