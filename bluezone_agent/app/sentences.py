"""Sentences shared by terminal output, pages and notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bluezone_agent.app.exposure_answer import Answer, AuthorityContact, ExposureAnswer, Unknown
from bluezone_agent.app.exposure_day import ExposureDay, ShownEncounter
from bluezone_agent.core.exposure import Degree
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_clock, local_date, local_time

EXPOSED: Final = {
    Degree.F1: N_("You had close contact with a confirmed case (F0): you are F1."),
    Degree.F2: N_("You had close contact with a contact of a case (F1): you are F2."),
}
HEADLINE: Final = {
    Degree.F1: N_("{day}: close contact with a confirmed case (F0)"),
    Degree.F2: N_("{day}: close contact with a contact of a case (F1)"),
}
ADVICE: Final = {
    Degree.F1: N_(
        "Avoid contact with others, and follow your health authority's instructions for close contacts (F1)."
    ),
    Degree.F2: N_(
        "Keep your distance from others, watch for symptoms, and follow your health authority's advice for F2."
    ),
}
WHY_UNKNOWN: Final = {
    Unknown.NO_SOURCE: N_(
        'no source of diagnosis keys is configured: add a [[source]]; "bluezone-agent config init -" shows how'
    ),
    Unknown.NEVER_CHECKED: N_("no check has succeeded so far: run bluezone-agent check"),
    Unknown.CHECK_TOO_OLD: N_("the last successful check was more than 30 hours ago: run bluezone-agent check"),
    Unknown.CLOCK_NOT_TRUSTED: N_("the clock is not synchronised, so the times of contacts are unknown: turn on NTP"),
    Unknown.NOT_LISTENED: N_(
        "the device did not scan during the period that the checks cover: see bluezone-agent status"
    ),
}


def answer_lines(
    result: ExposureAnswer, days: Sequence[ExposureDay], contact: AuthorityContact | None
) -> Iterator[str]:
    """Yield whether the owner was exposed and what to do, or that nothing was detected, or why it is not known."""
    if result.answer is Answer.EXPOSED:
        yield _(EXPOSED[_degree(days)])
        yield from advice(_degree(days), contact)
    elif result.answer is Answer.NOT_KNOWN:
        yield _("It is not known whether you were exposed:")
        for reason in result.reasons:
            yield f"- {_(WHY_UNKNOWN[reason])}"
        if result.complete_check_at is not None and Unknown.CHECK_TOO_OLD in result.reasons:
            yield _("The last successful check was on {when}.").format(when=local_time(result.complete_check_at))
    elif result.since is not None and result.complete_check_at is not None:
        yield _(
            "No exposure detected from {since} to {until}. The device scanned {share:.0%} of that"
            " time, which ends with the last successful check."
        ).format(
            since=local_time(result.since), until=local_time(result.complete_check_at), share=result.listened_share
        )


def _degree(days: Sequence[ExposureDay]) -> Degree:
    """Return the closest degree among the days with a warning."""
    return min((day.degree for day in days if day.warning or day.warned_at), default=Degree.F2)


def advice(degree: Degree, contact: AuthorityContact | None) -> Iterator[str]:
    """Yield what the owner should do, and the contact of the health authority."""
    yield _(ADVICE[degree])
    if contact is None:
        return
    yield f"{contact.name}: {contact.telephone}" if contact.telephone else contact.name
    if contact.text:
        yield contact.text


def describe(day: ExposureDay) -> str:
    """Describe a day: when, how long, how close."""
    lines = [_headline(day)]
    lines += [_encounter(e, day) for e in day.encounters]
    lines.append("  " + _total(day))
    lines += ["  " + line for line in _midnight(day)]
    if day.warned_at:
        lines.append("  " + _("you were warned on {when}").format(when=local_time(day.warned_at)))
    return "\n".join(lines)


def _headline(day: ExposureDay) -> str:
    if day.warning:
        return _(HEADLINE[day.degree]).format(day=local_date(day.day))
    return _("{day}: a published case was nearby, but too far or too briefly for a warning").format(
        day=local_date(day.day)
    )


def _encounter(e: ShownEncounter, day: ExposureDay) -> str:
    start = local_clock(e.start, e.utc_offset_s)
    return "  " + _(
        "{start} to {end}: {near:.0f} min within 2 m; attenuation: minimum {closest:.0f} dB, median {typical:.0f} dB"
    ).format(
        start=start if e.day == day.day else f"{local_date(e.day)} {start}",
        end=local_clock(e.end, e.utc_offset_s),
        near=e.minutes_within_2m,
        closest=e.closest_attenuation_db,
        typical=e.typical_attenuation_db,
    )


def _total(day: ExposureDay) -> str:
    near, received = round(day.minutes_on_this_day), day.received_minutes
    if near > received:
        text = _("total: {near} min within 2 m, short gaps in reception included (received for {n} min)")
    else:
        text = _("total: {near} min within 2 m (received for {n} min)")
    return text.format(near=near, n=received)


def _midnight(day: ExposureDay) -> Iterator[str]:
    """Explain how midnight affects the total: local midnight, or midnight UTC if the rule uses UTC days."""
    if day.minutes_within_2m > day.minutes_on_this_day:
        yield _("past midnight: {near:.0f} min within 2 m in 24 hours").format(near=day.minutes_within_2m)
    if day.unbroken_minutes is not None:
        yield _(
            "this rule uses UTC days, and the contact continued past midnight UTC: {near:.0f} min in 24 hours"
        ).format(near=day.unbroken_minutes)
