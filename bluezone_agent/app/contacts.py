"""The contact history, hour by hour."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby

from bluezone_agent.actions.own_data.rows import Bands
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.diary import diary_since
from bluezone_agent.app.diary_entry import DiaryEntry
from bluezone_agent.app.listening import Gap, Listened
from bluezone_agent.app.owner_time import owner_calendar
from bluezone_agent.app.result import Result, utc
from bluezone_agent.config import Config
from bluezone_agent.core.attenuation import CLOSE_DB, MIDDLE_DB
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.listening import gaps
from bluezone_agent.core.person_equivalents import IdentifierCount, PersonCount
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.i18n import _, local_clock, local_number, ngettext
from bluezone_agent.stores.calibrations import StoredCalibration
from bluezone_agent.stores.contact_summaries import ContactSummary
from bluezone_agent.stores.store import Store


class HourOfContacts(Result, frozen=True, kw_only=True):
    """Minutes of one hour summed over identifiers, each minute in the band of its mean power."""

    starts_at: datetime
    identifiers: int
    person_minutes: int
    """Time near people: each person counts for every minute in which they were received, whatever their identifiers."""
    person_equivalents: float
    """The same in hours: 1.0 is one person received for the whole hour, or two for half of it."""
    persons_at_least: int
    """The largest number of people who were received in the same minute."""
    minutes: int
    """Minutes in which any device was received."""
    minutes_with_close: int
    """Minutes of these with any close device: `close_minutes` divided by this estimates the number of close people."""
    close_contacts: int
    """Identifiers that were close for at least a minute. A device uses four to six per hour."""
    close_minutes: int
    middle_minutes: int
    far_minutes: int
    strongest_dbm: int


class DayOfContacts(Result, frozen=True, kw_only=True):
    """One local day in people, not identifiers. All numbers are bounds from below."""

    day: date
    minutes: int
    """Minutes in which any device was received."""
    person_hours: float
    """Time near people, each person counted for every minute in which they were received."""
    persons_at_least: int
    """The largest number of people who were received in the same minute."""


class ContactHistory(Result, frozen=True, kw_only=True):
    """The contacts of some days."""

    days: int
    close_db: float
    """Highest attenuation that counts as close."""
    middle_db: float
    calibrated: bool
    hours: tuple[HourOfContacts, ...]
    per_day: tuple[DayOfContacts, ...]
    listening: tuple[Listened, ...]
    not_listening: tuple[Gap, ...]
    diary: tuple[DiaryEntry, ...]
    """The owner's notes about these days."""


def contacts(device: Device, days: int) -> ContactHistory:
    """Return the contact hours of the last ``days`` days."""
    now_s = time.time()
    since_s = now_s - days * DAY_S  # at most 14 days, even if no agent has run to delete older rows
    config = configuration(device)
    with Store(device.state_dir) as store:
        calibrated = calibration_in_force(store, now_s)
        bands = power_bands(calibrated, config)
        hours = store.contact_summaries.hours(since_s, close_dbm=bands.close_dbm, middle_dbm=bands.middle_dbm)
        counts = store.contact_summaries.identifier_counts(since_s)
        calendar = owner_calendar(store)
        spans = store.listening.since(since_s)
        notes = diary_since(store, since_s)
    missed = gaps(spans, spans[0].starts_at_s, spans[-1].ends_at_s) if spans else []
    return ContactHistory(
        days=days,
        close_db=CLOSE_DB,
        middle_db=MIDDLE_DB,
        calibrated=calibrated is not None,
        hours=tuple(_hours(hours, counts)),
        per_day=tuple(_days(counts, calendar)),
        listening=tuple(Listened.of(span) for span in spans if span.listened),
        not_listening=tuple(map(Gap.of, missed)),
        diary=notes,
    )


def power_bands(calibrated: StoredCalibration | None, config: Config) -> Bands:
    """Return from which mean power on a minute is close or medium, by the calibration in force."""
    correction_db = calibrated.calibration.rssi_correction_db if calibrated else 0.0
    close_dbm, middle_dbm = (
        config.assumed_tx_power_dbm - limit_db - correction_db for limit_db in (CLOSE_DB, MIDDLE_DB)
    )
    return Bands(close_dbm, middle_dbm)


def notes(close_db: float, middle_db: float, *, calibrated: bool) -> Iterator[str]:
    """Yield what the numbers of a contact history are."""
    yield _(
        "minutes summed over identifiers, by attenuation: close: up to {close:g} dB (about 2 m, line of sight); medium:"
        " up to {middle:g} dB; far: above"
    ).format(close=local_number(close_db), middle=local_number(middle_db))
    yield _(
        "a device changes its identifier every 10 to 15 minutes, so one person appears as several"
        " identifiers in an hour. People: 1.0 is one person received for the whole hour, or two for half of it, at"
        " any distance; it is never too high. Close at once: close devices, averaged over minutes"
    )
    if not calibrated:
        yield _("not calibrated: attenuation may be off by 10 dB or more")


def close_at_once(hours: Sequence[HourOfContacts]) -> int:
    """Return how many devices were close at the same time, averaged over the minutes with any close device.

    Devices change their identifiers, so there are many more identifiers than people; this counts each person once.
    """
    minutes = sum(h.minutes_with_close for h in hours)
    return round(sum(h.close_minutes for h in hours) / minutes) if minutes else 0


def in_words(hours: Sequence[HourOfContacts]) -> str:
    """Describe how long devices were close in some hours, how many at a time, and with how many identifiers."""
    if not (at_once := close_at_once(hours)):
        return _("no close devices")
    return ngettext(
        "close devices for {minutes} min, about {n} at a time (identifiers: {identifiers})",
        "close devices for {minutes} min, about {n} at a time (identifiers: {identifiers})",
        at_once,
    ).format(
        minutes=sum(h.minutes_with_close for h in hours),
        n=at_once,
        identifiers=sum(h.close_contacts for h in hours),
    )


def hour_in_words(hour: HourOfContacts) -> str:
    """Describe one hour: the minutes in each band, and how many devices were close at the same time."""
    return _(
        "{clock}: {persons:.1f} people; close {close} min, medium {middle} min, far {far} min; close at once: {n}"
    ).format(
        clock=local_clock(hour.starts_at),
        persons=local_number(hour.person_equivalents),
        close=hour.close_minutes,
        middle=hour.middle_minutes,
        far=hour.far_minutes,
        n=close_at_once([hour]),
    )


def persons_in_words(hours: Sequence[HourOfContacts]) -> str:
    """Describe how much time was spent near people in some hours, and how many there were at least."""
    at_least = max((h.persons_at_least for h in hours), default=0)
    return ngettext(
        "{hours:.1f} person-hours near others, at least {n} person",
        "{hours:.1f} person-hours near others, at least {n} people",
        at_least,
    ).format(hours=local_number(sum(h.person_minutes for h in hours) / 60), n=at_least)


def _days(counts: Sequence[IdentifierCount], calendar: Calendar) -> Iterator[DayOfContacts]:
    for day, its in groupby(counts, lambda count: calendar.day(count.minute * MINUTE_S)):
        persons = PersonCount.of(its)
        yield DayOfContacts(
            day=day,
            minutes=persons.minutes,
            person_hours=round(persons.person_equivalents, 2),
            persons_at_least=persons.at_least,
        )


def _hours(summaries: Sequence[ContactSummary], counts: Sequence[IdentifierCount]) -> Iterator[HourOfContacts]:
    by_hour = {hour: PersonCount.of(its) for hour, its in groupby(counts, lambda c: c.minute * MINUTE_S // 3600)}
    for summary in summaries:
        yield _hour(summary, by_hour.get(summary.starts_at_s // 3600, PersonCount()))


def _hour(h: ContactSummary, persons: PersonCount) -> HourOfContacts:
    return HourOfContacts(
        starts_at=utc(h.starts_at_s),
        identifiers=h.identifiers,
        person_minutes=persons.person_minutes,
        person_equivalents=round(persons.person_equivalents, 2),
        persons_at_least=persons.at_least,
        minutes=h.minutes,
        minutes_with_close=h.minutes_with_close,
        close_contacts=h.close_contacts,
        close_minutes=h.close_minutes,
        middle_minutes=h.middle_minutes,
        far_minutes=h.far_minutes,
        strongest_dbm=h.strongest_dbm,
    )
