"""``bluezone-agent keys sources``: the sources of diagnosis keys, how fresh they are, and the outcome of each file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import click

from bluezone_agent.app.key_sources import KnownSources, known_sources
from bluezone_agent.app.source_state import KeyFileState, Verdict
from bluezone_agent.cli.base import Command, age, device, json_option, print_json, printable
from bluezone_agent.cli.source_text import source_lines
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, ngettext, rendered

VERDICTS: Final = {
    Verdict.MISSING: N_("not fetched: {reason}"),
    Verdict.REFUSED: N_("refused: {reason}"),
    Verdict.PENDING: N_("waiting until its keys expire"),
    Verdict.MATCHED: N_("compared"),
}


@click.command(
    cls=Command,
    answers=KnownSources,
    help=N_(
        "Show the sources of diagnosis keys, when they were last updated, and whether each file was"
        " accepted or refused, and why."
    ),
)
@json_option
def sources(*, as_json: bool) -> None:
    """Print what the checks of the last 14 days know about their sources."""
    found, now = known_sources(device()), datetime.now(UTC)
    if as_json:
        print_json(found)
        return
    if not found.sources:
        click.echo(_("no source has been checked yet: run bluezone-agent check"))
    for source in found.sources:
        click.echo(printable(source.name))
        for line in source_lines(source, now):
            click.echo(wrapped(f"  {line}"))
        if source.newest_published_at:
            newest = _("newest file published {age}").format(age=age(source.newest_published_at, now))
            click.echo(wrapped(f"  {newest}"))
        for file in source.files:
            _print_file(file)


def _print_file(file: KeyFileState) -> None:
    reason = printable(rendered(file.reason)[0]) if file.reason else ""
    line = ngettext(
        "{name}: {n} key, {matched} received here; {verdict}",
        "{name}: {n} keys, {matched} received here; {verdict}",
        file.keys,
    ).format(
        name=printable(file.name),
        n=file.keys,
        matched=file.matched_keys,
        verdict=_(VERDICTS[file.verdict]).format(reason=reason),
    )
    click.echo(wrapped(f"    {line}"))
    for why, n in sorted(file.dropped.items()):
        skipped = ngettext("{n} key skipped: {reason}", "{n} keys skipped: {reason}", n).format(n=n, reason=_(why))
        click.echo(wrapped(f"      {skipped}"))
