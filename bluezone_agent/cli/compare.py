"""``bluezone-agent compare``: the same history under several rules, before one of them is put in force."""

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
from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_date, ngettext

LEAST: Final = 2


@click.command(
    cls=Command,
    answers=Comparison | RoomComparison,
    help=N_("Compare rules over what is stored: which days would warn under which, and why. Nothing is changed."),
)
@option(
    "--rule",
    "rules",
    multiple=True,
    metavar="RULE",
    help=N_("A rule, or a TOML file with parameters of your own; twice at least."),
)
@option(
    "--days",
    type=click.IntRange(1, RETENTION_DAYS),
    metavar="DAYS",
    default=RETENTION_DAYS,
    show_default=True,
    help=N_("How many days to look back."),
)
@option(
    "--recording",
    type=PATH,
    metavar="FILE",
    help=N_("Score the receivers of a measured room instead, as replay does."),
)
@json_option
def compare(*, rules: tuple[str, ...], days: int, recording: Path | None, as_json: bool) -> None:
    """Compare; exit 0 whatever the rules say."""
    if len(set(rules)) < LEAST:
        raise click.UsageError(_("name two rules at least: --rule A --rule B"))
    if recording is not None:
        _compare_room(recording, rules, as_json=as_json)
        return
    done = comparing.compare(device(), rules, days)
    if as_json:
        print_json(done)
        return
    if not done.days:
        click.echo(_("nothing to compare: no exposure is stored of the last {days} days").format(days=days))
    for day in done.days:
        for line in _lines(day):
            click.echo(line)
    if done.days:
        n = sum(day.differs for day in done.days)
        click.echo(ngettext("{n} day on which they differ", "{n} days on which they differ", n).format(n=n))


def _lines(compared: ComparedDay) -> Iterator[str]:
    yield f"{local_date(compared.day)} {compared.degree}"
    for rule in compared.rules:
        yield _("  {rule}: {score:.2f} of {needed:g} weighted minutes, {verdict}").format(
            rule=printable(rule.rule),
            score=rule.weighted_minutes,
            needed=rule.needed_minutes,
            verdict=_("would warn") if rule.warning else _("would not warn"),
        )
        if rule.unbroken_minutes is not None:
            yield _(
                "    it counts days of UTC, and the contact goes on over midnight UTC: {sum:.2f} in 24 hours"
            ).format(sum=rule.unbroken_minutes)
    for term in compared.terms:
        text = ngettext(
            "    {n} min at {low:.1f}-{high:.1f} dB count {weights}",
            "    {n} min at {low:.1f}-{high:.1f} dB count {weights}",
            term.minutes,
        )
        yield text.format(n=term.minutes, low=term.lowest_db, high=term.highest_db, weights=_in_a_row(term.weights))
    if any(compared.unheard_weights):
        yield _("    minutes between them, in which nothing was heard, count {weights}").format(
            weights=_in_a_row(compared.unheard_weights)
        )


def _in_a_row(numbers: Sequence[float]) -> str:
    return " / ".join(f"{number:.2f}" for number in numbers)


def _compare_room(recording: Path, rules: Sequence[str], *, as_json: bool) -> None:
    logs.to_stderr(log_level(logging.WARNING))
    with working(_("replaying")):
        done = comparing.compare_room(device(), rules, recording)
    if as_json:
        print_json(done)
        return
    for score in done.rules:
        text = _("{rule}: warned {hits} of {near} receivers within 2 m, {false} of {far} farther off")
        click.echo(
            text.format(
                rule=printable(score.rule),
                hits=score.warned_near,
                near=score.warned_near + score.missed_near,
                false=score.warned_far,
                far=score.warned_far + score.quiet_far,
            )
        )
