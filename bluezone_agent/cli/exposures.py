"""``bluezone-agent exposures``: when, how long, how close, and of whom."""

from __future__ import annotations

from typing import Any, Final

import click

from bluezone_agent.cli.base import Group, iso, json_option, print_json, printable, settings
from bluezone_agent.core.exposure import DayExposure, Degree, Encounter, ExposureWindow, day_exposures
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_clock, local_date, local_time, ngettext
from bluezone_agent.stores.exposures import Warned
from bluezone_agent.stores.store import RETENTION_DAYS, Store

SHOWN_TO_S: Final = 300
"""Times of day are shown to 5 minutes, so that what is shown tells less of who the case was."""

HEADLINE: Final = {
    Degree.F1: N_("{day}: you were near a confirmed case (F0); this makes you F1"),
    Degree.F2: N_("{day}: you were near a contact of a case (F1); this makes you F2"),
}


@click.group(
    cls=Group,
    invoke_without_command=True,
    help=N_("Show when you were near a person who was later published as a case; explain a day in full."),
    lazy={"explain": "explain:explain"},
)
@json_option
@click.pass_context
def exposures(ctx: click.Context, *, as_json: bool) -> None:
    """Print every day with an exposure; exit 0 whatever there is."""
    if ctx.invoked_subcommand is not None:
        return
    from bluezone_agent.config import risk_model  # noqa: PLC0415

    options = settings()
    model = risk_model(options.config().rule, "rule")
    with Store(options.state_dir) as store:
        days = day_exposures(store.exposures.matched(), model)
        warned = {(w.day_start_s, w.degree): w for w in store.exposures.warned()}
    if as_json:
        print_json(
            {"rule": model.name, "days": [as_object(day, warned.get((day.day_start_s, day.degree))) for day in days]}
        )
        return
    if not days:
        click.echo(_("no exposure detected in the last {days} days").format(days=RETENTION_DAYS))
    for day in days:
        click.echo(describe(day, warned.get((day.day_start_s, day.degree))))
    if days:
        click.echo(_("rule: {name}, {summary}").format(name=printable(model.name), summary=_(model.summary)))
        click.echo(_("in full: bluezone-agent exposures explain {day}").format(day=utc_day(days[-1].day_start_s)))


def utc_day(day_start_s: int) -> str:
    """Return a UTC day as ``exposures explain`` takes it."""
    return (iso(day_start_s) or "")[:10]


def as_object(day: DayExposure, warned: Warned | None = None) -> dict[str, Any]:
    """Return a day for ``--json``."""
    return {
        "day": utc_day(day.day_start_s),
        "degree": str(day.degree),
        "warning": day.warns,
        "warned_at": iso(warned.warned_at_s) if warned else None,
        "keys_received": day.keys,
        "received_minutes": day.received_minutes,
        "minutes_within_2m": round(day.near_minutes, 1),
        "needed_minutes": day.warning_minutes,
        "rule": day.rule,
        "rule_version": day.rule_version,
        "encounters": [
            {
                "from": iso(shown_times(e)[0]),
                "to": iso(shown_times(e)[1]),
                "minutes_within_2m": round(e.near_minutes, 1),
                "closest_attenuation_db": round(e.closest_db),
                "typical_attenuation_db": round(e.typical_db),
            }
            for e in day.encounters
        ],
    }


def describe(day: DayExposure, warned: Warned | None = None) -> str:
    """Return a day in sentences: when, how long, how close, and what to do."""
    lines = [_headline(day)]
    lines += [_encounter(e) for e in day.encounters]
    lines.append("  " + _total(day))
    if warned:
        lines.append("  " + _("you were warned on {when}").format(when=local_time(warned.warned_at_s)))
    return "\n".join(lines)


def advice(day: DayExposure) -> str:
    """Return what the owner of a warning should do."""
    if day.degree is Degree.F1:
        return _("Keep away from others, and follow what your health authority tells close contacts (F1) to do.")
    return _("Keep your distance from others, watch for symptoms, and follow your health authority's advice for F2.")


def _headline(day: DayExposure) -> str:
    if day.warns:
        return _(HEADLINE[day.degree]).format(day=local_date(day.day_start_s))
    return _("{day}: a published case was heard, not near or long enough to warn").format(
        day=local_date(day.day_start_s)
    )


def _encounter(e: Encounter) -> str:
    start_s, end_s = shown_times(e)
    return "  " + _(
        "{start} to {end}: {near:.0f} min within 2 m; attenuation {closest:.0f} dB at best, typically {typical:.0f} dB"
    ).format(
        start=local_clock(start_s),
        end=local_clock(end_s),
        near=e.near_minutes,
        closest=e.closest_db,
        typical=e.typical_db,
    )


def _total(day: DayExposure) -> str:
    return ngettext(
        "in all {near:.0f} of {n} minute heard within 2 m",
        "in all {near:.0f} of {n} minutes heard within 2 m",
        day.received_minutes,
    ).format(near=day.near_minutes, n=day.received_minutes)


def shown_times(span: Encounter | ExposureWindow, step_s: int = SHOWN_TO_S) -> tuple[int, int]:
    """Return start and end as they are shown, outwards to ``step_s``."""
    return span.starts_at_s // step_s * step_s, -(-span.ends_at_s // step_s) * step_s
