"""The contact history, hour by hour."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.listening import Gap, Listened
from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.listening import gaps
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.i18n import _, local_clock, ngettext
from bluezone_agent.stores.contact_summaries import ContactSummary
from bluezone_agent.stores.store import Store

CLOSE_DB: Final = 55.0
MIDDLE_DB: Final = 63.0
"""SwissCovid's published thresholds."""


class HourOfContacts(Result, frozen=True, kw_only=True):
    """Minutes of one hour summed over identifiers, each minute in the band of its mean power."""

    starts_at: datetime
    identifiers: int
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


class ContactHistory(Result, frozen=True, kw_only=True):
    """The contacts of some days."""

    days: int
    close_db: float
    """Highest attenuation that counts as close."""
    middle_db: float
    calibrated: bool
    hours: tuple[HourOfContacts, ...]
    listening: tuple[Listened, ...]
    not_listening: tuple[Gap, ...]


def contacts(device: Device, days: int) -> ContactHistory:
    """Return the contact hours of the last ``days`` days."""
    now_s = time.time()
    since_s = now_s - days * DAY_S  # at most 14 days, even if no agent has run to delete older rows
    assumed_dbm = configuration(device).assumed_tx_power_dbm
    with Store(device.state_dir) as store:
        calibrated = calibration_in_force(store, now_s)
        correction_db = calibrated.calibration.rssi_correction_db if calibrated else 0.0
        close_dbm, middle_dbm = (assumed_dbm - limit_db - correction_db for limit_db in (CLOSE_DB, MIDDLE_DB))
        hours = store.contact_summaries.hours(since_s, close_dbm=close_dbm, middle_dbm=middle_dbm)
        spans = store.listening.since(since_s)
    missed = gaps(spans, spans[0].starts_at_s, spans[-1].ends_at_s) if spans else []
    return ContactHistory(
        days=days,
        close_db=CLOSE_DB,
        middle_db=MIDDLE_DB,
        calibrated=calibrated is not None,
        hours=tuple(map(_hour, hours)),
        listening=tuple(Listened.of(span) for span in spans if span.listened),
        not_listening=tuple(map(Gap.of, missed)),
    )


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
    return _("{clock}: close {close} min, medium {middle} min, far {far} min; close at once: {n}").format(
        clock=local_clock(hour.starts_at),
        close=hour.close_minutes,
        middle=hour.middle_minutes,
        far=hour.far_minutes,
        n=close_at_once([hour]),
    )


def _hour(h: ContactSummary) -> HourOfContacts:
    return HourOfContacts(
        starts_at=utc(h.starts_at_s),
        identifiers=h.identifiers,
        minutes=h.minutes,
        minutes_with_close=h.minutes_with_close,
        close_contacts=h.close_contacts,
        close_minutes=h.close_minutes,
        middle_minutes=h.middle_minutes,
        far_minutes=h.far_minutes,
        strongest_dbm=h.strongest_dbm,
    )
