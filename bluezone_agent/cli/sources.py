"""``bluezone-agent keys sources``: where case files come from, how fresh they are, and what became of each."""

from __future__ import annotations

import time
from typing import Any, Final

import click

from bluezone_agent.cli.base import Command, age, iso, json_option, print_json, printable, settings
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_time, ngettext, rendered
from bluezone_agent.stores.sources import KeyFileRecord, SourceRecord, Verdict
from bluezone_agent.stores.store import Store

UNSIGNED: Final = N_("files that nobody signed are believed here (allow_unsigned)")
UNPROVABLE: Final = N_("freshness can't be proved: it has no signed index")
VERDICTS: Final = {
    Verdict.MISSING: N_("not fetched: {reason}"),
    Verdict.REFUSED: N_("refused: {reason}"),
    Verdict.PENDING: N_("waits for keys that are still valid"),
    Verdict.MATCHED: N_("compared"),
}


@click.command(
    cls=Command,
    help=N_(
        "Show where case files come from, when they last came, and what became of each: believed, refused and why."
    ),
)
@json_option
def sources(*, as_json: bool) -> None:
    """Print what the checks of the last 14 days know of their sources."""
    now_s = time.time()
    with Store(settings().state_dir) as store:
        source_records = [(source, store.sources.files(source.name)) for source in store.sources.all()]
    if as_json:
        print_json({"sources": [_with_files(source, files) for source, files in source_records]})
        return
    if not source_records:
        click.echo(_("no source was checked so far: run bluezone-agent check"))
    for source, files in source_records:
        click.echo(printable(source.name))
        for line in source_lines(source, now_s):
            click.echo(f"  {line}")
        newest_s = _newest_s(files)
        if newest_s is not None:
            click.echo("  " + _("newest file published {age}").format(age=age(newest_s, now_s)))
        for file in files:
            _print_file(file)


def source_object(source: SourceRecord) -> dict[str, Any]:
    """Return a source as JSON has it."""
    return {
        "name": source.name,
        "checked_at": iso(source.tried_at_s),
        "complete_at": iso(source.complete_at_s),
        "error": str(source.fault) if source.fault else None,
        "accepts_unsigned": source.accepts_unsigned,
        "freshness": freshness_object(source.issued_at_s, source.expires_at_s),
    }


def freshness_object(issued_at_s: int | None, expires_at_s: int | None) -> dict[str, Any]:
    """Return as JSON until when a signed index proves that nothing is held back, if there is one."""
    return {
        "provable": issued_at_s is not None,
        "issued_at": iso(issued_at_s),
        "expires_at": iso(expires_at_s),
    }


def file_object(file: KeyFileRecord) -> dict[str, Any]:
    """Return a file as JSON has it."""
    return {
        "name": file.name,
        "verdict": file.verdict,
        "reason": str(file.fault) if file.fault else None,
        "keys": file.keys,
        "matched_keys": file.matched,
        "dropped": dict(file.dropped),
        "sha256": file.digest or None,
        "published_at": iso(file.published_at_s),
        "fetched_at": iso(file.fetched_at_s) if file.digest else None,
        "tried_at": iso(file.tried_at_s),
    }


def source_lines(source: SourceRecord, now_s: float) -> list[str]:
    """Return how a source does, a sentence a line."""
    lines = [
        _("complete {age}").format(age=age(source.complete_at_s, now_s))
        if source.complete_at_s is not None
        else _("never complete so far")
    ]
    if source.fault:
        lines.append(printable(rendered(source.fault)[0]))
    if source.issued_at_s is None or source.expires_at_s is None:
        lines.append(_(UNPROVABLE))
    else:
        lines.append(
            _("signed index of {issued}, holds until {expires}").format(
                issued=local_time(source.issued_at_s), expires=local_time(source.expires_at_s)
            )
        )
    if source.accepts_unsigned:
        lines.append(_(UNSIGNED))
    return lines


def _with_files(source: SourceRecord, files: list[KeyFileRecord]) -> dict[str, Any]:
    newest_at = iso(_newest_s(files))
    return source_object(source) | {"newest_published_at": newest_at, "files": [file_object(file) for file in files]}


def _newest_s(files: list[KeyFileRecord]) -> int | None:
    return max((file.published_at_s for file in files if file.published_at_s is not None), default=None)


def _print_file(file: KeyFileRecord) -> None:
    reason = printable(rendered(file.fault)[0]) if file.fault else ""
    click.echo(
        "    "
        + ngettext(
            "{name}: {n} key, {matched} heard; {verdict}", "{name}: {n} keys, {matched} heard; {verdict}", file.keys
        ).format(
            name=printable(file.name),
            n=file.keys,
            matched=file.matched,
            verdict=_(VERDICTS[file.verdict]).format(reason=reason),
        )
    )
    for why, n in sorted(file.dropped.items()):
        click.echo(
            "      "
            + ngettext("{n} key left out: {reason}", "{n} keys left out: {reason}", n).format(n=n, reason=_(why))
        )
