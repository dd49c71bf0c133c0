"""Whether the owner was exposed, and when they were near someone who later tested positive."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from bluezone_agent.app.configuration import configuration, rule_in_force
from bluezone_agent.app.device import Device
from bluezone_agent.app.diary_entry import DiaryEntry
from bluezone_agent.app.exposure_answer import AuthorityContact, ExposureAnswer, ExposureList
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.owner_time import judged_now, kept_since_s, owner_calendar
from bluezone_agent.config import Config
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.exposure import DayExposure, day_exposures
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.daemon.trusted_clock import Now
from bluezone_agent.health.knowledge import knowledge
from bluezone_agent.stores.store import Store


def authority_contact(config: Config) -> AuthorityContact | None:
    """Return the contact of the health authority, None if none is configured."""
    return AuthorityContact.of(config.authority) if config.authority else None


def exposures(device: Device) -> ExposureList:
    """Return what is known about exposures, and every day with one, with or without a warning."""
    config = configuration(device)
    with Store(device.state_dir) as store:
        return exposures_in(store, config)


def exposures_in(store: Store, config: Config) -> ExposureList:
    """Return the same for an open store."""
    rule, now, calendar = rule_in_force(config), judged_now(config, store), owner_calendar(store)
    scored = day_exposures(store.exposures.matched(kept_since_s(now)), rule, calendar)
    days = shown_days(store, scored, calendar)
    result = answer(store, config, days, now)
    return ExposureList(
        result=result,
        authority=authority_contact(config),
        rule=rule.name,
        rule_summary=rule.summary,
        days=days,
        diary=notes_about(store, *(day.day for day in days)),
    )


def notes_about(store: Store, *days: date) -> tuple[DiaryEntry, ...]:
    """Return the owner's notes about some days."""
    return tuple(DiaryEntry.of(entry) for entry in store.diary.since() if entry.day in days)


def shown_days(store: Store, days: Iterable[DayExposure], calendar: Calendar) -> tuple[ExposureDay, ...]:
    """Return the answers for scored days, with the warnings that were given."""
    warned = {(w.day, w.degree): w for w in store.exposures.warned()}
    return tuple(ExposureDay.of(day, calendar, warned.get((day.day, day.degree))) for day in days)


def answer(store: Store, config: Config, days: tuple[ExposureDay, ...], now: Now) -> ExposureAnswer:
    """Return what is known; ``days`` are :func:`shown_days`."""
    return ExposureAnswer.of(
        knowledge(
            store.journal,
            store.listening.since(now.wall_s - RETENTION_DAYS * DAY_S),
            exposed=any(day.warning or day.warned_at for day in days),
            sources=len(config.sources),
            clock_trusted=now.trusted,
            now_s=now.wall_s,
        )
    )
