"""The check: download diagnosis keys, match them, warn the owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from bluezone_agent.app.configuration import configuration, rule_in_force
from bluezone_agent.app.device import Device
from bluezone_agent.app.exposure_answer import AuthorityContact, ExposureAnswer
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.exposures import answer, authority_contact, shown_days
from bluezone_agent.app.key_sources import pinned_sources
from bluezone_agent.app.notices import deliver
from bluezone_agent.app.owner_time import judged_now, owner_calendar
from bluezone_agent.app.page_now import write_after_check
from bluezone_agent.app.result import Result
from bluezone_agent.app.sentences import advice, describe
from bluezone_agent.app.source_state import Freshness, KeyFileState
from bluezone_agent.config import Config
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.notice import Notice
from bluezone_agent.core.sightings import BootTime
from bluezone_agent.daemon.trusted_clock import Now
from bluezone_agent.errors import AgentError
from bluezone_agent.exposure_check.check import Check, PinnedSource
from bluezone_agent.exposure_check.report import CheckReport, SourceReport
from bluezone_agent.i18n import _
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()


class CheckedSource(Result, frozen=True, kw_only=True):
    """The result of one source in this check."""

    name: str
    complete: bool
    error: AgentError | None
    accepts_unsigned: bool
    freshness: Freshness | None
    """None where the source could not be read."""
    dropped: dict[str, int]
    """Number of keys of accepted files that were skipped, by reason."""
    files: tuple[KeyFileState, ...]
    """Files that were read, or that could not be read."""


class CheckResult(Result, frozen=True, kw_only=True):
    """One check."""

    clock_trusted: bool
    complete: bool
    """Whether every source was read and every file accepted."""
    matched_keys: int
    """Number of diagnosis keys, over all checks so far, that this device received."""
    sources: tuple[CheckedSource, ...]
    result: ExposureAnswer
    authority: AuthorityContact | None
    days: tuple[ExposureDay, ...]
    new_warnings: tuple[ExposureDay, ...]
    undelivered_notices: int
    """Number of notices not yet delivered to the owner; 0 if no channel is configured."""
    notice_error: str | None
    """Why the last notice could not be delivered."""


def is_wanted(device: Device) -> bool:
    """Return whether a source is configured."""
    return bool(configuration(device).sources)


def check(
    device: Device,
    *,
    only: str | None = None,
    progress: Callable[[int], None] = lambda _count: None,
) -> CheckResult:
    """Check every configured source, or ``only`` the one with this location, and warn the owner.

    ``progress`` is called with the number of diagnosis keys compared since its last call. Raises ConfigError,
    StoreError.
    """
    config = configuration(device)
    sources = pinned_sources(config, only)
    with Store(device.state_dir) as store:
        now, calendar = judged_now(config, store), owner_calendar(store)
        report = check_store(store, config, sources, now, calendar, every=only is None, progress=progress)
        delivery = deliver(store, config, now.wall_s)
        days = shown_days(store, report.days, calendar)
        result = answer(store, config, days, now)
        if only is None:
            _show(store, config)
    return CheckResult(
        clock_trusted=now.trusted,
        complete=report.complete,
        matched_keys=report.matched_keys,
        sources=tuple(map(checked_source, report.sources)),
        result=result,
        authority=authority_contact(config),
        days=days,
        new_warnings=tuple(ExposureDay.of(day, calendar) for day in report.new_warnings),
        undelivered_notices=delivery.undelivered,
        notice_error=delivery.error,
    )


def _show(store: Store, config: Config) -> None:
    try:
        write_after_check(store, config)
    except OSError as error:  # a page must not fail a check
        log.warning("page_not_written", reason=error.strerror)


def check_store(
    store: Store,
    config: Config,
    sources: Sequence[PinnedSource],
    now: Now,
    calendar: Calendar,
    *,
    every: bool = True,
    progress: Callable[[int], None] = lambda _count: None,
) -> CheckReport:
    """Check ``sources`` against one store, as far as the time is known; ``every``: these are all configured sources."""
    if now.trusted:
        with store.transaction():
            store.sources.date(now.boot_id, now.booted_at_s, now.wall_s)
    return Check(
        store,
        rule_in_force(config),
        assumed_tx_power_dbm=config.assumed_tx_power_dbm,
        now_s=now.wall_s,
        untrusted_since_boot=None if now.trusted else BootTime(now.boot_id, int(now.uptime_s)),
        calendar=calendar,
        progress=progress,
        notice=lambda day: _notice(ExposureDay.of(day, calendar), authority_contact(config)),
    ).run(sources, every=every)


def checked_source(report: SourceReport) -> CheckedSource:
    """Return the answer for one source's report."""
    return CheckedSource(
        name=report.name,
        complete=report.complete,
        error=report.error,
        accepts_unsigned=report.accepts_unsigned,
        freshness=_freshness(report),
        dropped=dict(report.dropped),
        files=tuple(map(KeyFileState.of, report.files)),
    )


def _freshness(report: SourceReport) -> Freshness | None:
    if report.index is not None:
        return Freshness.of(report.index.issued_at, report.index.expires_at)
    return None if report.error else Freshness.of(None, None)


def _notice(day: ExposureDay, contact: AuthorityContact | None) -> Notice:
    return Notice(_("Close contact"), "\n".join((describe(day), *advice(day.degree, contact))))
