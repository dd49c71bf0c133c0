"""Local time: the clock as far as it is trusted, and the days of the time zones in which the device was."""

from __future__ import annotations

from bluezone_agent.clocks.system import SystemClock, system_utc_offset_s
from bluezone_agent.config import Config
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.daemon.trusted_clock import Now, TrustedClock
from bluezone_agent.stores.store import Store


def system_clock(config: Config) -> SystemClock:
    """Return this device's clock, as far as the configuration trusts it."""
    return SystemClock(always_trusted=config.clock_trusted)


def owner_calendar(store: Store) -> Calendar:
    """Return the calendar of local days."""
    return store.listening.calendar(system_utc_offset_s)


def judged_now(config: Config, store: Store) -> Now:
    """Return the clock readings, and whether wall time is trusted."""
    return TrustedClock(system_clock(config), store).look()


def kept_since_s(now: Now) -> float:
    """Return the earliest time that may be shown: 14 days ago, or the beginning if the time is not known.

    Older rows exist if no agent has run to delete them.
    """
    return now.wall_s - RETENTION_DAYS * DAY_S if now.trusted else 0.0
