"""The check: fetch diagnosis keys, match them, warn the owner."""

from __future__ import annotations

import time
from collections.abc import Callable

from bluezone_agent.app.configuration import configuration, rule_in_force, system_clock
from bluezone_agent.app.device import Device
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.key_sources import pinned_sources
from bluezone_agent.app.notify import notify_owner
from bluezone_agent.app.result import Result
from bluezone_agent.app.sentences import advice, describe
from bluezone_agent.app.source_state import Freshness, KeyFileState
from bluezone_agent.daemon.trusted_clock import TrustedClock
from bluezone_agent.errors import AgentError
from bluezone_agent.exposure_check.check import Check, SourceReport
from bluezone_agent.i18n import _
from bluezone_agent.ports import Notice
from bluezone_agent.stores.store import Store


class CheckedSource(Result, frozen=True, kw_only=True):
    """What one source brought this time."""

    name: str
    complete: bool
    error: AgentError | None
    accepts_unsigned: bool
    freshness: Freshness | None
    """None where the source could not be read."""
    dropped: dict[str, int]
    """Keys of accepted files that were left out, by reason."""
    files: tuple[KeyFileState, ...]
    """Those that were read or tried."""


class CheckResult(Result, frozen=True, kw_only=True):
    """One check."""

    clock_trusted: bool
    complete: bool
    """Whether every source was read and every file accepted."""
    matched_keys: int
    """Published keys, of all checks so far, that were received."""
    sources: tuple[CheckedSource, ...]
    days: tuple[ExposureDay, ...]
    new_warnings: tuple[ExposureDay, ...]
    notice_error: str | None
    """Why its owner could not be told of the new warnings."""


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

    ``progress`` is told how many more published keys were compared. Raises ConfigError, StoreError.
    """
    config = configuration(device)
    sources = pinned_sources(config, only)
    clock = system_clock(config)
    with Store(device.state_dir) as store:
        trusted = TrustedClock(clock, store).look().trusted
        report = Check(
            store,
            rule_in_force(config),
            assumed_tx_power_dbm=config.assumed_tx_power_dbm,
            now_s=time.time(),
            progress=progress,
        ).run(sources, every=only is None)
    days = tuple(map(ExposureDay.of, report.days))
    new_warnings = tuple(map(ExposureDay.of, report.new_warnings))
    return CheckResult(
        clock_trusted=trusted,
        complete=report.complete,
        matched_keys=report.matched_keys,
        sources=tuple(map(_source, report.sources)),
        days=days,
        new_warnings=new_warnings,
        notice_error=notify_owner(config, [_notice(day) for day in new_warnings]),
    )


def _source(report: SourceReport) -> CheckedSource:
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


def _notice(day: ExposureDay) -> Notice:
    return Notice(_("Close contact"), f"{describe(day)}\n{advice(day)}")
