"""Makes the parts of the owner's page that the agent and the check write: without what only other parts need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bluezone_agent.app import page_files
from bluezone_agent.app.agent_state import read_health
from bluezone_agent.app.configuration import rule_in_force
from bluezone_agent.app.day_picture import DayPicture
from bluezone_agent.app.explain_text import lines as explanation
from bluezone_agent.app.exposure_day import SHOWN_TO_S, ExposureDay
from bluezone_agent.app.exposures import answer, authority_contact, exposures_in
from bluezone_agent.app.own_cost import OwnCost
from bluezone_agent.app.owner_time import judged_now, kept_since_s, owner_calendar, system_clock
from bluezone_agent.app.page_folder import page_folder
from bluezone_agent.app.page_parts import (
    ExplainedDay,
    PageExposures,
    PageNow,
    ScannedDay,
    SourceNow,
    in_every_language,
)
from bluezone_agent.app.result import utc
from bluezone_agent.app.shown_pause import ShownPause
from bluezone_agent.app.shown_submission import ShownSubmission
from bluezone_agent.app.submit_socket import can_submit
from bluezone_agent.config import Config
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.journal import Checked, Journal, RadioState
from bluezone_agent.core.listening import Span, within
from bluezone_agent.core.source_records import SourceRecord
from bluezone_agent.daemon.trusted_clock import glance
from bluezone_agent.errors import RadioFault
from bluezone_agent.exposure_check.explain import explained
from bluezone_agent.health.status import own_cost
from bluezone_agent.i18n import _, rendered
from bluezone_agent.stores.store import Store


def write_now(store: Store, config: Config) -> None:
    """Write the present state into the page's folder, if there is one; raises OSError."""
    folder = page_folder()
    if folder is not None:
        exposed = page_files.read(folder, PageExposures)
        page_files.write(folder, "now", page_now(store, config, exposed.days if exposed else ()))


def write_after_check(store: Store, config: Config) -> None:
    """Write what a check changes into the page's folder, if there is one; raises OSError."""
    folder = page_folder()
    if folder is not None:
        exposed = page_exposures(store, config)
        page_files.write(folder, "exposures", exposed)
        page_files.write(folder, "now", page_now(store, config, exposed.days))


def page_now(store: Store, config: Config, days: Sequence[ExposureDay]) -> PageNow:
    """Return the present state; ``days`` are those with an exposure."""
    now = glance(system_clock(config), store)
    health, checked = read_health(store, now.wall_s), store.journal.get(Checked)
    return PageNow(
        made_at=utc(now.wall_s),
        language=config.language,
        service=page_folder() is not None,
        verdict=health.verdict,
        problems=health.problems,
        cautions=health.cautions,
        pause=None if health.pause is None else ShownPause.of(health.pause),
        radio_fault=in_every_language(lambda: _radio_fault(store.journal.get(RadioState), running=health.running)),
        cost=_cost(store.journal) if health.running else None,
        checked_at=utc(checked.at_s if checked else None),
        check_complete=checked.complete if checked else None,
        sources=tuple(map(_source, store.sources.all())),
        answer=answer(store, config, tuple(days), now),
        authority=authority_contact(config),
        scanned=scanned_days(
            store.listening.since(now.wall_s - (RETENTION_DAYS + 1) * DAY_S), owner_calendar(store), now.wall_s
        ),
        submits=_submits(store, config),
        submitted=ShownSubmission.of(store.journal),
    )


def _submits(store: Store, config: Config) -> bool:
    return config.publish is not None and not store.keys.encrypted and can_submit(service=page_folder() is not None)


def _radio_fault(radio: RadioState | None, *, running: bool) -> list[str]:
    if radio is None or radio.works or not running or radio.reason == RadioFault.PAUSED:
        return []
    return [_(radio.message).format(**radio.fields)]


def _cost(journal: Journal) -> OwnCost | None:
    cost = own_cost(journal)
    return None if cost is None else OwnCost.of(cost)


def _source(source: SourceRecord) -> SourceNow:
    fault = source.fault
    return SourceNow(
        name=source.name,
        complete_at=utc(source.complete_at_s),
        error=in_every_language(lambda: [] if fault is None else [rendered(fault)[0]]),
    )


def scanned_days(spans: Sequence[Span], calendar: Calendar, now_s: float) -> tuple[ScannedDay, ...]:
    """Return the share of each of the owner's last 14 days in which the device scanned."""
    began_s = min((span.starts_at_s for span in spans if span.listened), default=None)
    found = []
    for back in reversed(range(RETENTION_DAYS)):
        day = calendar.day(now_s) - timedelta(days=back)
        start_s, end_s = calendar.starts_at_s(day), min(now_s, calendar.starts_at_s(day + timedelta(days=1)))
        scanned_s = sum(s.ends_at_s - s.starts_at_s for s in within(spans, start_s, end_s) if s.listened)
        known = began_s is not None and began_s < end_s
        found.append(
            ScannedDay(day=day, share=min(1.0, round(scanned_s / max(1, end_s - start_s), 3)) if known else None)
        )
    return tuple(found)


def page_exposures(store: Store, config: Config) -> PageExposures:
    """Return every day with an exposure, and how each was calculated."""
    found, now = exposures_in(store, config), judged_now(config, store)
    calendar, rule, contact = owner_calendar(store), rule_in_force(config), authority_contact(config)

    def explain(day: ExposureDay) -> ExplainedDay:
        known = explained(store, rule, day.day, now.wall_s, calendar=calendar, kept_since_s=kept_since_s(now))
        return ExplainedDay(
            day=day.day,
            lines=in_every_language(lambda: explanation(known, contact, SHOWN_TO_S)),
            picture=DayPicture.of(known, SHOWN_TO_S),
        )

    return PageExposures(
        made_at=utc(now.wall_s),
        rule=found.rule,
        rule_summary=found.rule_summary,
        days=found.days,
        explained=tuple(explain(day) for day in {day.day: day for day in found.days}.values()),
    )
