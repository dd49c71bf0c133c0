"""``bluezone-agent check``: fetch case files and match them with what was heard."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bluezone_agent.cli.base import (
    Command,
    exit_with,
    fail,
    is_person,
    json_option,
    option,
    print_json,
    printable,
    say,
    settings,
)
from bluezone_agent.cli.exposures import advice, as_object, describe
from bluezone_agent.cli.sources import UNPROVABLE, UNSIGNED, file_object, freshness_object
from bluezone_agent.errors import EXIT_FAULT, N_, ConfigError
from bluezone_agent.i18n import _, ngettext
from bluezone_agent.stores.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bluezone_agent.cli.base import Settings
    from bluezone_agent.config import Config, Source
    from bluezone_agent.exposure_check.check import CheckReport, PinnedSource, SourceReport


@click.command(
    cls=Command,
    help=N_("Fetch the case files of every configured source, verify them, and match them with what was heard."),
)
@option("--from", "only", metavar="LOCATION", help=N_("Check only the configured source with this location."))
@option(
    "--scheduled",
    is_flag=True,
    help=N_(
        "Do what is due, for a timer: check if there is a source; with chaff = true send chaff, about once a day; tell"
        " the owner when listening or checks have stopped or go on again."
    ),
)
@json_option
def check(*, only: str | None, scheduled: bool, as_json: bool) -> None:
    """Check now; exit 0 whatever is found, 1 when a source failed or a file was refused."""
    options = settings()
    config = options.config()
    failed = (bool(config.sources) or not scheduled) and not _check(options, config, only, as_json=as_json)
    if scheduled:
        from bluezone_agent.app.scheduled_check import do_what_else_is_due  # noqa: PLC0415

        do_what_else_is_due(options, config)
    if failed:
        exit_with(EXIT_FAULT)


def _check(options: Settings, config: Config, only: str | None, *, as_json: bool) -> bool:
    """Return whether every source was read and every file believed."""
    from bluezone_agent.clocks.system import SystemClock  # noqa: PLC0415
    from bluezone_agent.config import risk_model  # noqa: PLC0415
    from bluezone_agent.daemon.trusted_clock import TrustedClock  # noqa: PLC0415
    from bluezone_agent.exposure_check.check import Check  # noqa: PLC0415

    sources = pinned_sources(config, only)
    clock = SystemClock(always_trusted=config.clock_trusted)
    with Store(options.state_dir) as store, _progress_bar() as progress:
        if not TrustedClock(clock, store).look().trusted:
            say(_("the clock of this device is not known to be right: what it hears in such a time does not count"))
        report = Check(
            store,
            risk_model(config.rule, "rule"),
            assumed_tx_power_dbm=config.assumed_tx_power_dbm,
            now_s=time.time(),
            progress=progress,
        ).run(sources, every=only is None)
    if as_json:
        print_json(_as_json(report))
    else:
        _print(report)
    _notify(report, config)
    return report.complete


@contextmanager
def _progress_bar() -> Iterator[Callable[[int], None]]:
    """Show a person how many keys were compared so far; nobody knows how many there will be."""
    if not is_person():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(_("published keys compared:"), total=None)
        yield lambda count: bar.advance(task, count)


def pinned_sources(config: Config, only: str | None) -> list[PinnedSource]:
    """Return the configured sources; raises ConfigError when there is none, or none with the location ``only``."""
    wanted = [s for s in config.sources if only is None or s.location == only]
    if not wanted and only:
        raise ConfigError(
            N_('no [[source]] with location = "{location}" is configured'),
            N_("configured are: {locations}"),
            location=only,
            locations=", ".join(s.location for s in config.sources) or "-",
        )
    if not wanted:
        raise ConfigError(
            N_("no source of case files is configured"),
            N_('add a [[source]] to the configuration; "bluezone-agent config init -" shows how'),
        )
    return [_pinned(source) for source in wanted]


def _pinned(source: Source) -> PinnedSource:
    from bluezone_agent.core.diagnosis_keys import PinnedKeys, VerificationKey  # noqa: PLC0415
    from bluezone_agent.exposure_check.check import PinnedSource  # noqa: PLC0415
    from bluezone_agent.key_sources import SIGNED_ONLY, SourceAddress, layout_of, open_source  # noqa: PLC0415

    address = SourceAddress(
        source.location,
        source.layout,
        source.regions,
        ca_file=source.ca_file,
        use_proxy=source.use_proxy,
        allow_http=source.allow_http,
    )
    if source.allow_unsigned and layout_of(address) in SIGNED_ONLY:
        raise ConfigError(
            N_('[[source]] {location}: layout = "{layout}" is always signed'),
            N_("remove allow_unsigned, which is for Bluezone case files, and pin the key in a [[source.key]]"),
            location=source.location,
            layout=source.layout,
        )
    keys = tuple(VerificationKey.from_pem(key.id, key.version, key.public_key) for key in source.keys)
    return PinnedSource(open_source(address), PinnedKeys(keys, source.allow_unsigned))


def _as_json(report: CheckReport) -> dict[str, Any]:
    return {
        "complete": report.complete,
        "matched_keys": report.matched_keys,
        "sources": [
            {
                "name": source.name,
                "complete": source.complete,
                "error": str(source.error) if source.error else None,
                "accepts_unsigned": source.accepts_unsigned,
                "freshness": _freshness(source),
                "dropped": dict(source.dropped),
                "files": [file_object(file) for file in source.files],
            }
            for source in report.sources
        ],
        "days": [as_object(day) for day in report.days],
        "new_warnings": [as_object(day) for day in report.new_warnings],
    }


def _freshness(source: SourceReport) -> dict[str, Any] | None:
    if source.index is not None:
        return freshness_object(source.index.issued_at, source.index.expires_at)
    return None if source.error else freshness_object(None, None)


def _print(report: CheckReport) -> None:
    for source in report.sources:
        _print_source(source)
    if not report.days:
        click.echo(_("no exposure detected"))
    for day in report.days:
        click.echo(describe(day))
    for text in dict.fromkeys(advice(day) for day in report.new_warnings):
        click.echo(text)


def _print_source(source: SourceReport) -> None:
    accepted = [f for f in source.files if f.fault is None]
    name = printable(source.name)
    say(
        ngettext("{name}: {n} new file, {keys} keys", "{name}: {n} new files, {keys} keys", len(accepted)).format(
            name=name, n=len(accepted), keys=sum(f.keys for f in accepted)
        )
    )
    if source.accepts_unsigned:
        say(f"  {_(UNSIGNED)}")
    if source.index is None and source.error is None:
        say(f"  {_(UNPROVABLE)}")
    for fault in source.faults:
        fail(fault)
    for reason, n in sorted(source.dropped.items()):
        say(
            "  "
            + ngettext("{n} key left out: {reason}", "{n} keys left out: {reason}", n).format(n=n, reason=_(reason))
        )
    if source.error:
        fail(source.error)


def _notify(report: CheckReport, config: Config) -> None:
    from bluezone_agent.notices.command import CommandNotifier  # noqa: PLC0415
    from bluezone_agent.ports import Notice  # noqa: PLC0415

    notices = [Notice(_("Close contact"), f"{describe(day)}\n{advice(day)}") for day in report.new_warnings]
    if notices and config.notify_command:
        try:
            CommandNotifier(config.notify_command).notify(notices)
        except OSError as error:
            say(_("the notice could not be given: {reason}").format(reason=printable(str(error))))
