"""``bluezone-agent exposures explain``: one day in detail, so that its score can be recalculated by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from bluezone_agent.app.day_picture import DayPicture
from bluezone_agent.app.explain import Explanation
from bluezone_agent.app.explain import explain as explained
from bluezone_agent.app.explain_text import lines
from bluezone_agent.app.exposure_day import SHOWN_TO_S
from bluezone_agent.cli.base import (
    DAY,
    PATH_OR_STREAM,
    Command,
    argument,
    device,
    json_option,
    option,
    print_json,
    printable,
)
from bluezone_agent.cli.diary import diary_lines
from bluezone_agent.cli.page_file import write_page
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.errors import N_
from bluezone_agent.html.explain import render


@click.command(
    cls=Command,
    answers=Explanation,
    help=N_(
        "Explain one day (YYYY-MM-DD): each window with its time, attenuation and weights, the total"
        " and the threshold, and when the device did not scan. Days are local, or UTC if the rule"
        " uses UTC days. Times are rounded to 5 minutes, to reveal less about who the case was."
    ),
)
@argument("day", metavar="DAY", type=DAY)
@option("--exact", is_flag=True, help=N_("Show times to the minute; keep the result to yourself."))
@option("--page", type=PATH_OR_STREAM, metavar="FILE", help=N_("Also write an HTML page with charts."))
@json_option
def explain(*, day: datetime, exact: bool, page: Path | None, as_json: bool) -> None:
    """Explain a day, with or without exposure; the exit code is always 0."""
    found, contact = explained(device(), day.date())
    step_s = MINUTE_S if exact else SHOWN_TO_S
    if page:
        write_page(page, render(DayPicture.of(found, step_s), list(lines(found, contact, step_s))))
    if as_json:
        print_json(Explanation.of(found, step_s))
        return
    for line in lines(found, contact, step_s):
        click.echo(wrapped(printable(line)))
    for line in diary_lines(Explanation.of(found, step_s).diary):
        click.echo(wrapped(line))
