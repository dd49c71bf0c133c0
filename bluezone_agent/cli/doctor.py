"""``bluezone-agent doctor``: what is wrong here, one line a finding, each with the command that mends it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import click

from bluezone_agent.app.doctor import Diagnosis, Level, examine
from bluezone_agent.cli.base import Command, age, exit_with, json_option, new_device, print_json, printable
from bluezone_agent.cli.layout import hanging
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _

LEVELS: Final = {
    Level.OK: (N_("ok"), "green"),
    Level.WARNING: (N_("warning"), "yellow"),
    Level.FAULT: (N_("fault"), "red"),
}


@click.command(
    cls=Command,
    answers=Diagnosis,
    help=N_("Look at everything the agent needs, whether it runs or not, and say what is wrong and what mends it."),
)
@json_option
def doctor(*, as_json: bool) -> None:
    """Print the findings; exit 1 when one is a fault."""
    found = examine(new_device())  # which says itself what is not there
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not found.healthy:
        exit_with(EXIT_FAULT)


def _print(found: Diagnosis) -> None:
    width = max(len(_(text)) for text, _colour in LEVELS.values())
    now = datetime.now(UTC)
    for finding in found.findings:
        text, colour = LEVELS[finding.level]
        when = "" if finding.at is None else f" ({age(finding.at, now)})"
        click.echo(
            f"{click.style(f'{_(text):<{width}}', fg=colour)}  {hanging(width + 2, printable(finding.message) + when)}"
        )
        if finding.remedy:
            click.echo(f"{'':<{width}}  → {hanging(width + 4, printable(finding.remedy))}")
