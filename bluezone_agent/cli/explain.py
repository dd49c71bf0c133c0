"""``bluezone-agent exposures explain``: one day in detail, so that its score can be recalculated by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app.explain import Explained, Explanation, StoredCalibration, terms
from bluezone_agent.app.explain import explain as explained
from bluezone_agent.app.exposure_answer import AuthorityContact
from bluezone_agent.app.exposure_day import SHOWN_TO_S, shown_times
from bluezone_agent.app.listening import Gap
from bluezone_agent.app.sentences import EXPOSED, advice
from bluezone_agent.cli.base import (
    DAY,
    PATH_OR_STREAM,
    Command,
    argument,
    device,
    json_option,
    option,
    print_json,
    printable,
)
from bluezone_agent.cli.gaps import gap_text
from bluezone_agent.cli.html.explain import render
from bluezone_agent.cli.html.page import write_page
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.core.exposure import DayExposure, ExposureWindow
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_clock, local_date, local_number, local_time, ngettext

REPORT_TYPES: Final = {
    ReportType.UNKNOWN: N_("report of unknown type"),
    ReportType.CONFIRMED_TEST: N_("confirmed by a test"),
    ReportType.CONFIRMED_CLINICAL_DIAGNOSIS: N_("diagnosed by a doctor"),
    ReportType.SELF_REPORT: N_("self-reported"),
    ReportType.RECURSIVE: N_("contact of a case"),
}


@click.command(
    cls=Command,
    answers=Explanation,
    help=N_(
        "Explain one day (YYYY-MM-DD): each window with its time, attenuation and weights, the total"
        " and the threshold, and when the device did not scan. Days are local, or UTC if the rule"
        " uses UTC days. Times are rounded to 5 minutes, to reveal less about who the case was."
    ),
)
@argument("day", metavar="DAY", type=DAY)
@option("--exact", is_flag=True, help=N_("Show times to the minute; keep the result to yourself."))
@option("--page", type=PATH_OR_STREAM, metavar="FILE", help=N_("Also write an HTML page with charts."))
@json_option
def explain(*, day: datetime, exact: bool, page: Path | None, as_json: bool) -> None:
    """Explain a day, with or without exposure; the exit code is always 0."""
    found, contact = explained(device(), day.date())
    step_s = MINUTE_S if exact else SHOWN_TO_S
    if page:
        write_page(page, render(found, list(lines(found, contact, step_s)), step_s))
    if as_json:
        print_json(Explanation.of(found, step_s))
        return
    for line in lines(found, contact, step_s):
        click.echo(wrapped(line))


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
            rule=printable(warning.rule),
            version=warning.rule_version,
        )
    for gap in found.gaps:
        yield gap_text(Gap.of(gap))
    if found.exposures:
        yield _("rule {name}, version {version}: {summary}").format(
            name=printable(found.model.name), version=found.model.version, summary=_(found.model.summary)
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
