"""The explanation of one day in words: for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bluezone_agent.app.explain import Explained, StoredCalibration, terms
from bluezone_agent.app.exposure_answer import AuthorityContact
from bluezone_agent.app.exposure_day import shown_times
from bluezone_agent.app.gap_text import gap_text
from bluezone_agent.app.listening import Gap
from bluezone_agent.app.sentences import EXPOSED, advice
from bluezone_agent.core.exposure import DayExposure, ExposureWindow
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_clock, local_date, local_number, local_time, ngettext

REPORT_TYPES: Final = {
    ReportType.UNKNOWN: N_("report of unknown type"),
    ReportType.CONFIRMED_TEST: N_("confirmed by a test"),
    ReportType.CONFIRMED_CLINICAL_DIAGNOSIS: N_("diagnosed by a doctor"),
    ReportType.SELF_REPORT: N_("self-reported"),
    ReportType.RECURSIVE: N_("contact of a case"),
}


def lines(found: Explained, contact: AuthorityContact | None, step_s: int) -> Iterator[str]:
    """Yield the explanation, line by line."""
    listening = _("scanned {share:.0%} of the day").format(share=found.listened_share)
    day = local_date(found.day)
    if not found.exposures and not found.listened_share:
        yield _("{day}: not known: this device did not scan on this day").format(day=day)
    elif not found.exposures:
        yield _("{day}: no exposure detected, {listening}").format(day=day, listening=listening)
    else:
        yield f"{day}: {listening}"
    if degrees := [exposure.degree for exposure in found.exposures if exposure.warns]:
        yield _(EXPOSED[min(degrees)])
        yield from advice(min(degrees), contact)
    for exposure in found.exposures:
        yield from _exposure_lines(exposure, found, step_s)
    for warning in found.warned:
        text = _("you were warned on {when}: {minutes:.1f} weighted minutes by {rule}, version {version}")
        yield text.format(
            when=local_time(warning.warned_at_s),
            minutes=local_number(warning.near_minutes),
            rule=warning.rule,
            version=warning.rule_version,
        )
    for gap in found.gaps:
        yield gap_text(Gap.of(gap))
    if found.exposures:
        yield _("rule {name}, version {version}: {summary}").format(
            name=found.model.name, version=found.model.version, summary=_(found.model.summary)
        )
        yield _calibration_line(found.calibration)


def _calibration_line(calibration: StoredCalibration | None) -> str:
    if calibration is None:
        return _("not calibrated: attenuation may be off by 10 dB or more")
    c = calibration.calibration
    margin = "" if c.margin_db is None else f" ± {local_number(c.margin_db):.1f}"
    return _("calibrated on {day}: {correction:+.1f}{margin} dB added to every RSSI").format(
        day=local_date(calibration.made_at_s), correction=local_number(c.rssi_correction_db), margin=margin
    )


def _exposure_lines(day: DayExposure, found: Explained, step_s: int) -> Iterator[str]:
    yield ngettext(
        "{degree}: {n} diagnosis key, received for {minutes} min",
        "{degree}: {n} diagnosis keys, received for {minutes} min",
        day.keys,
    ).format(degree=day.degree, n=day.keys, minutes=day.received_minutes)
    for window in day.windows:
        yield from _window_lines(window, found, step_s)
    sums = sum(w.score for w in day.windows)
    text = _("  total: {sum:.2f}{sd} weighted minutes; {needed:g} needed for a warning: {verdict}")
    sd = "" if day.sd_minutes is None else f" ± {local_number(day.sd_minutes):.1f}"
    verdict = _("reached") if day.warns else _("not reached")
    if abs(sums - day.day_minutes) > 0.005:
        yield _("  {sum:.2f} in all windows; a minute near two keys at the same time counts once").format(
            sum=local_number(sums)
        )
    if day.near_minutes > day.day_minutes:
        yield _("  {sum:.2f} on this day; together with the adjacent day, in 24 hours:").format(
            sum=local_number(day.day_minutes)
        )
    yield text.format(
        sum=local_number(day.near_minutes), sd=sd, needed=local_number(day.warning_minutes), verdict=verdict
    )
    if day.unbroken_minutes is not None:
        yield _("  this rule uses UTC days, and the contact continued past midnight UTC: {sum:.2f} in 24 hours").format(
            sum=local_number(day.unbroken_minutes)
        )


def _since_onset(days: int | None) -> str:
    """Return how long after its owner's first symptoms a key was in use."""
    if days is None:
        return _("onset unknown")
    if days == 0:
        return _("on the day of symptom onset")
    if days < 0:
        return ngettext("{n} day before symptom onset", "{n} days before symptom onset", -days).format(n=-days)
    return ngettext("{n} day after symptom onset", "{n} days after symptom onset", days).format(n=days)


def _window_lines(w: ExposureWindow, found: Explained, step_s: int) -> Iterator[str]:
    start, end = shown_times(w, step_s)
    offset_s = found.calendar.offset_s(w.starts_at_s)
    own_day = found.calendar.day(w.starts_at_s)
    date = "" if own_day == found.day else f"{local_date(own_day)} "
    times = f"{date}{local_clock(start, offset_s)}-{local_clock(end, offset_s)}"
    yield f"  {times}  {_(REPORT_TYPES[w.report_type])}; {_since_onset(w.days_since_onset)}"
    for weight, low_db, high_db, minutes in terms(w):
        low, high = local_number(low_db), local_number(high_db)
        if weight is None:
            text = ngettext(
                "    {n} min at {low:.1f}-{high:.1f} dB, protected: not counted",
                "    {n} min at {low:.1f}-{high:.1f} dB, protected: not counted",
                minutes,
            )
            yield text.format(n=minutes, low=low, high=high)
            continue
        text = ngettext(
            "    {n} min at {low:.1f}-{high:.1f} dB x {weight:.2f} = {product:.2f}",
            "    {n} min at {low:.1f}-{high:.1f} dB x {weight:.2f} = {product:.2f}",
            minutes,
        )
        yield text.format(
            n=minutes, low=low, high=high, weight=local_number(weight), product=local_number(weight * minutes)
        )
    if w.unheard:
        text = ngettext(
            "    {n} min between them without reception: {sum:.2f}",
            "    {n} min between them without reception: {sum:.2f}",
            len(w.unheard),
        )
        yield text.format(n=len(w.unheard), sum=local_number(w.unheard_weight))
    text = _("    {sum:.2f} x {factor:g} for report type and infectiousness = {score:.2f}")
    yield text.format(sum=local_number(w.weight), factor=local_number(w.factor), score=local_number(w.score))
