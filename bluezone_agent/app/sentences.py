"""Sentences that a terminal, a page and a notice have in common."""

from __future__ import annotations

from typing import Final

from bluezone_agent.app.exposure_day import ExposureDay, ShownEncounter
from bluezone_agent.core.exposure import Degree
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_clock, local_date, local_time, ngettext

HEADLINE: Final = {
    Degree.F1: N_("{day}: you were near a confirmed case (F0); this makes you F1"),
    Degree.F2: N_("{day}: you were near a contact of a case (F1); this makes you F2"),
}


def describe(day: ExposureDay) -> str:
    """Return a day in sentences: when, how long, how close."""
    lines = [_headline(day)]
    lines += [_encounter(e) for e in day.encounters]
    lines.append("  " + _total(day))
    if day.warned_at:
        lines.append("  " + _("you were warned on {when}").format(when=local_time(day.warned_at)))
    return "\n".join(lines)


def advice(day: ExposureDay) -> str:
    """Return what the owner of a warning should do."""
    if day.degree is Degree.F1:
        return _("Keep away from others, and follow what your health authority tells close contacts (F1) to do.")
    return _("Keep your distance from others, watch for symptoms, and follow your health authority's advice for F2.")


def _headline(day: ExposureDay) -> str:
    if day.warning:
        return _(HEADLINE[day.degree]).format(day=local_date(day.starts_at))
    return _("{day}: a published case was heard, not near or long enough to warn").format(day=local_date(day.starts_at))


def _encounter(e: ShownEncounter) -> str:
    return "  " + _(
        "{start} to {end}: {near:.0f} min within 2 m; attenuation {closest:.0f} dB at best, typically {typical:.0f} dB"
    ).format(
        start=local_clock(e.start),
        end=local_clock(e.end),
        near=e.minutes_within_2m,
        closest=e.closest_attenuation_db,
        typical=e.typical_attenuation_db,
    )


def _total(day: ExposureDay) -> str:
    return ngettext(
        "in all {near:.0f} of {n} minute heard within 2 m",
        "in all {near:.0f} of {n} minutes heard within 2 m",
        day.received_minutes,
    ).format(near=day.minutes_within_2m, n=day.received_minutes)
