"""``bluezone-agent check``: download diagnosis keys and match them with received identifiers."""

from __future__ import annotations

import click

from bluezone_agent.app.check import CheckedSource, CheckResult, is_wanted
from bluezone_agent.app.check import check as check_now
from bluezone_agent.app.scheduled_check import do_what_else_is_due
from bluezone_agent.app.sentences import describe
from bluezone_agent.cli.answer import print_answer
from bluezone_agent.cli.base import (
    Command,
    device,
    exit_with,
    fail,
    json_option,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.progress import counting
from bluezone_agent.cli.source_text import UNPROVABLE, UNSIGNED
from bluezone_agent.cli.talk import insist
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _, ngettext


@click.command(
    cls=Command,
    answers=CheckResult,
    help=N_(
        "Download the diagnosis keys of every configured source, verify them, and compare them"
        " with what this device received."
    ),
)
@option("--from", "only", metavar="LOCATION", help=N_("Check only the source with this location."))
@option(
    "--scheduled",
    is_flag=True,
    help=N_(
        "For a timer: run only the tasks that are due. These are checks of the configured sources, notices and,"
        " with chaff = true, chaff about once a day. Print only counts."
    ),
)
@json_option
def check(*, only: str | None, scheduled: bool, as_json: bool) -> None:
    """Check now; exit 1 if a source failed or a file was refused, else 0, with or without an exposure."""
    if scheduled and as_json:
        raise click.UsageError(_("--scheduled prints only counts and can't be combined with --json"))
    good = (scheduled and not is_wanted(device())) or _check(only, as_json=as_json, scheduled=scheduled)
    if scheduled:
        good &= _do_what_else_is_due()
    if not good:
        exit_with(EXIT_FAULT)


def _check(only: str | None, *, as_json: bool, scheduled: bool) -> bool:
    """Return whether every source was read, every file accepted and every notice delivered."""
    with counting(_("published keys compared:")) as progress:
        done = check_now(device(), only=only, progress=progress)
    if not done.clock_trusted:
        say(
            _(
                "the clock is not synchronised: files were downloaded and verified; they are compared"
                " with what this device received once the clock is synchronised"
            )
        )
    if scheduled:
        _print_counts(done)
    elif as_json:
        print_json(done)
    else:
        _print(done)
    return done.complete and _all_delivered(done.undelivered_notices, done.notice_error)


def _do_what_else_is_due() -> bool:
    done = do_what_else_is_due(device())
    if done.chaff_error:
        fail(done.chaff_error)
    return _all_delivered(done.undelivered_notices, done.notice_error)


def _all_delivered(undelivered: int, reason: str | None) -> bool:
    if undelivered:
        insist(_("a notice could not be delivered: {reason}").format(reason=printable(reason or "-")))
    return not undelivered


def _print_counts(done: CheckResult) -> None:
    """Print only what a system journal may contain: nothing about other people."""
    for source in done.sources:
        print_source(source)


def _print(done: CheckResult) -> None:
    for source in done.sources:
        print_source(source)
    print_answer(done.result, done.days, done.authority)
    for day in done.days:
        click.echo(wrapped(describe(day)))


def print_source(source: CheckedSource) -> None:
    """Print the counts and errors of a source."""
    accepted = [f for f in source.files if f.reason is None]
    name = printable(source.name)
    say(
        ngettext("{name}: {n} new file, {keys} keys", "{name}: {n} new files, {keys} keys", len(accepted)).format(
            name=name, n=len(accepted), keys=sum(f.keys for f in accepted)
        )
    )
    if source.accepts_unsigned:
        say(f"  {_(UNSIGNED)}")
    if source.freshness is not None and not source.freshness.provable:
        say(f"  {_(UNPROVABLE)}")
    for file in source.files:
        if file.reason:
            fail(file.reason)
    for reason, n in sorted(source.dropped.items()):
        say("  " + ngettext("{n} key skipped: {reason}", "{n} keys skipped: {reason}", n).format(n=n, reason=_(reason)))
    if source.error:
        fail(source.error)
