"""``bluezone-agent compare``: apply several rules to the same history before choosing one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import compare as comparing
from bluezone_agent.app import logs
from bluezone_agent.app.compare import ComparedDay, Comparison, RoomComparison
from bluezone_agent.cli.base import PATH, Command, device, json_option, option, print_json, printable
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.talk import log_level
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_date, local_number, ngettext

LEAST: Final = 2


@click.command(
    cls=Command,
    answers=Comparison | RoomComparison,
    help=N_("Apply several risk rules to the stored exposures and show where they differ. Nothing is changed."),
)
@option(
    "--rule",
    "rules",
    multiple=True,
    metavar="RULE",
    help=N_("A rule name, or a TOML file with your own parameters; give at least two."),
)
@option(
    "--days",
    metavar="DAYS",
    type=click.IntRange(1, RETENTION_DAYS),
    default=RETENTION_DAYS,
    show_default=True,
    help=N_("Number of days to look back."),
)
@option(
    "--recording",
    type=PATH,
    metavar="FILE",
    help=N_("Score the receivers of a recording instead, as replay does."),
)
@json_option
def compare(*, rules: tuple[str, ...], days: int, recording: Path | None, as_json: bool) -> None:
    """Compare; the exit code is always 0."""
    if len(set(rules)) < LEAST:
        raise click.UsageError(_("give at least two rules: --rule A --rule B"))
    if recording is not None:
        _compare_room(recording, rules, as_json=as_json)
        return
    done = comparing.compare(device(), rules, days)
    if as_json:
        print_json(done)
        return
    if not done.days:
        click.echo(_("nothing to compare: no exposures are stored for the last {days} days").format(days=days))
    for day in done.days:
        for line in _lines(day):
            click.echo(wrapped(line))
    if done.days:
        n = sum(day.differs for day in done.days)
        text = ngettext("the rules differ on {n} day", "the rules differ on {n} days", n)
        click.echo(text.format(n=n) if n else _("the rules agree on every day"))


def _lines(compared: ComparedDay) -> Iterator[str]:
    yield f"{local_date(compared.day)} {compared.degree}"
    for rule in compared.rules:
        yield _("  {rule}: {score:.2f} of {needed:g} weighted minutes, {verdict}").format(
            rule=printable(rule.rule),
            score=local_number(rule.weighted_minutes),
            needed=local_number(rule.needed_minutes),
            verdict=_("would warn") if rule.warning else _("would not warn"),
        )
        if rule.unbroken_minutes is not None:
            yield _(
                "    this rule uses UTC days, and the contact continued past midnight UTC: {sum:.2f} in 24 hours"
            ).format(sum=local_number(rule.unbroken_minutes))
    for term in compared.terms:
        text = ngettext(
            "    {n} min at {low:.1f}-{high:.1f} dB counts {weights}",
            "    {n} min at {low:.1f}-{high:.1f} dB count {weights}",
            term.minutes,
        )
        yield text.format(
            n=term.minutes,
            low=local_number(term.lowest_db),
            high=local_number(term.highest_db),
            weights=_in_a_row(term.weights),
        )
    if any(compared.unheard_weights):
        yield _("    minutes between them without reception count {weights}").format(
            weights=_in_a_row(compared.unheard_weights)
        )


def _in_a_row(numbers: Sequence[float]) -> str:
    return " / ".join(f"{local_number(number):.2f}" for number in numbers)


def _compare_room(recording: Path, rules: Sequence[str], *, as_json: bool) -> None:
    logs.to_stderr(log_level(logging.WARNING))
    with working(_("replaying")):
        done = comparing.compare_room(device(), rules, recording)
    if as_json:
        print_json(done)
        return
    for score in done.rules:
        text = _("{rule}: warned {hits} of {near} receivers within 2 m, {false} of {far} farther away")
        line = text.format(
            rule=printable(score.rule),
            hits=score.warned_near,
            near=score.warned_near + score.missed_near,
            false=score.warned_far,
            far=score.warned_far + score.quiet_far,
        )
        click.echo(wrapped(line))
