"""``bluezone-agent exposures``: when, how long and how close, and to a case or to a contact of a case."""

from __future__ import annotations

import click

from bluezone_agent.app.exposure_answer import ExposureList
from bluezone_agent.app.exposures import exposures as every_exposure
from bluezone_agent.app.sentences import describe
from bluezone_agent.cli.answer import print_answer
from bluezone_agent.cli.base import Group, Lazy, device, json_option, print_json, printable
from bluezone_agent.cli.diary import diary_lines
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _


@click.group(
    cls=Group,
    answers=ExposureList,
    invoke_without_command=True,
    help=N_(
        "Show whether you were exposed, or why this is not known: when you were near someone who"
        " later tested positive, for how long and how close, and what to do."
    ),
    lazy={"explain": Lazy("explain:explain", N_("Explain one day in detail"))},
)
@json_option
@click.pass_context
def exposures(ctx: click.Context, *, as_json: bool) -> None:
    """Print every day with an exposure; the exit code is always 0."""
    if ctx.invoked_subcommand is not None:
        return
    found = every_exposure(device())
    if as_json:
        print_json(found)
        return
    print_answer(found.result, found.days, found.authority)
    for day in found.days:
        click.echo(wrapped(describe(day)))
        for note in diary_lines(found.diary, day.day):
            click.echo(wrapped(note))
    if found.days:
        rule = _("rule: {name}, {summary}").format(name=printable(found.rule), summary=_(found.rule_summary))
        click.echo(wrapped(rule))
        click.echo(_("details: bluezone-agent exposures explain {day}").format(day=found.days[-1].day))
