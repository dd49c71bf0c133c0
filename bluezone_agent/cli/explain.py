"""``bluezone-agent exposures explain``: a day in full, so that its number can be worked out again by hand."""

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
from bluezone_agent.cli.base import PATH_OR_STREAM, Command, device, json_option, option, print_json, printable
from bluezone_agent.cli.gaps import gap_text
from bluezone_agent.cli.html.explain import render
from bluezone_agent.cli.html.page import write_page
from bluezone_agent.core.exposure import DayExposure, ExposureWindow
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_clock, local_date, local_time, ngettext

REPORT_TYPES: Final = {
    ReportType.UNKNOWN: N_("report of unknown kind"),
    ReportType.CONFIRMED_TEST: N_("confirmed by a test"),
    ReportType.CONFIRMED_CLINICAL_DIAGNOSIS: N_("confirmed by a doctor"),
    ReportType.SELF_REPORT: N_("reported by themselves"),
    ReportType.RECURSIVE: N_("a contact of a case"),
}


@click.command(
    cls=Command,
    answers=Explanation,
    help=N_(
        "Explain a day, YYYY-MM-DD: each window with its time, attenuation and weights, the sum and what it had to"
        " reach; and when the device did not scan. The day is yours, or that of UTC where the rule counts those. Times"
        " are rounded to 5 minutes, so that they tell less of who the case was."
    ),
)
@click.argument("day", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]))
@option("--exact", is_flag=True, help=N_("Show times to the minute; for you alone."))
@option("--page", type=PATH_OR_STREAM, metavar="FILE", help=N_("Draw it as well: a page of its own."))
@json_option
def explain(*, day: datetime, exact: bool, page: Path | None, as_json: bool) -> None:
    """Explain a day, with or without exposure; exit 0 whatever there is."""
    found, contact = explained(device(), day.date())
    step_s = MINUTE_S if exact else SHOWN_TO_S
    if page:
        write_page(page, render(found, list(lines(found, contact, step_s)), step_s))
    if as_json:
        print_json(Explanation.of(found, step_s))
        return
    for line in lines(found, contact, step_s):
        click.echo(line)


def lines(found: Explained, contact: AuthorityContact | None, step_s: int) -> Iterator[str]:
    """Yield the explanation, line by line."""
    listening = _("listening {share:.0%} of the day").format(share=found.listened_share)
    day = local_date(found.day)
    if not found.exposures:
        yield _("{day}: none detected, {listening}").format(day=day, listening=listening)
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
            minutes=warning.near_minutes,
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
        return _("not calibrated: attenuations may be off by 10 dB and more")
    c = calibration.calibration
    margin = "" if c.margin_db is None else f" ± {c.margin_db:.1f}"
    return _("calibrated on {day}: {correction:+.1f}{margin} dB added to every RSSI").format(
        day=local_date(calibration.made_at_s), correction=c.rssi_correction_db, margin=margin
    )


def _exposure_lines(day: DayExposure, found: Explained, step_s: int) -> Iterator[str]:
    yield ngettext(
        "{degree}: {n} published key heard in {minutes} minutes",
        "{degree}: {n} published keys heard in {minutes} minutes",
        day.keys,
    ).format(degree=day.degree, n=day.keys, minutes=day.received_minutes)
    for window in day.windows:
        yield from _window_lines(window, found, step_s)
    sums = sum(w.score for w in day.windows)
    text = _("  sum: {sum:.2f}{sd} weighted minutes, {needed:g} warn: {verdict}")
    sd = "" if day.sd_minutes is None else f" ± {day.sd_minutes:.1f}"
    verdict = _("reached") if day.warns else _("not reached")
    if abs(sums - day.day_minutes) > 0.005:
        yield _("  {sum:.2f} in all windows; minutes near two keys at once count once").format(sum=sums)
    if day.near_minutes > day.day_minutes:
        yield _("  {sum:.2f} on this day; with those of the day next to it, in 24 hours:").format(sum=day.day_minutes)
    yield text.format(sum=day.near_minutes, sd=sd, needed=day.warning_minutes, verdict=verdict)
    if day.unbroken_minutes is not None:
        yield _(
            "  this rule counts days of UTC, and the contact goes on over midnight UTC: {sum:.2f} in 24 hours"
        ).format(sum=day.unbroken_minutes)


def _window_lines(w: ExposureWindow, found: Explained, step_s: int) -> Iterator[str]:
    start, end = shown_times(w, step_s)
    offset_s = found.calendar.offset_s(w.starts_at_s)
    own_day = found.calendar.day(w.starts_at_s)
    date = "" if own_day == found.day else f"{local_date(own_day)} "
    onset = _("onset unknown") if w.days_since_onset is None else _("day {n} since onset").format(n=w.days_since_onset)
    times = f"{date}{local_clock(start, offset_s)}-{local_clock(end, offset_s)}"
    yield f"  {times}  {_(REPORT_TYPES[w.report_type])}; {onset}"
    for weight, low_db, high_db, minutes in terms(w):
        if weight is None:
            text = ngettext(
                "    {n} min at {low:.1f}-{high:.1f} dB, protected: does not count",
                "    {n} min at {low:.1f}-{high:.1f} dB, protected: do not count",
                minutes,
            )
            yield text.format(n=minutes, low=low_db, high=high_db)
            continue
        text = ngettext(
            "    {n} min at {low:.1f}-{high:.1f} dB x {weight:.2f} = {product:.2f}",
            "    {n} min at {low:.1f}-{high:.1f} dB x {weight:.2f} = {product:.2f}",
            minutes,
        )
        yield text.format(n=minutes, low=low_db, high=high_db, weight=weight, product=weight * minutes)
    if w.unheard:
        text = ngettext(
            "    {n} min between them, in which nothing was heard: {sum:.2f}",
            "    {n} min between them, in which nothing was heard: {sum:.2f}",
            len(w.unheard),
        )
        yield text.format(n=len(w.unheard), sum=w.unheard_weight)
    text = _("    {sum:.2f} x {factor:g} for report type and infectiousness = {score:.2f}")
    yield text.format(sum=w.weight, factor=w.factor, score=w.score)
