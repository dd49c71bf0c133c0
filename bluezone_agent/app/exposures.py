"""When its owner was near a person who was later published as a case."""

from __future__ import annotations

from bluezone_agent.app.configuration import configuration, rule_in_force
from bluezone_agent.app.device import Device
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.result import Result
from bluezone_agent.core.exposure import day_exposures
from bluezone_agent.stores.store import Store


class ExposureList(Result, frozen=True, kw_only=True):
    """Every day with an exposure, under the rule in force."""

    rule: str
    rule_summary: str
    """One English sentence."""
    days: tuple[ExposureDay, ...]


def exposures(device: Device) -> ExposureList:
    """Return every day with an exposure, warned of or not."""
    rule = rule_in_force(configuration(device))
    with Store(device.state_dir) as store:
        days = day_exposures(store.exposures.matched(), rule)
        warned = {(w.day_start_s, w.degree): w for w in store.exposures.warned()}
    return ExposureList(
        rule=rule.name,
        rule_summary=rule.summary,
        days=tuple(ExposureDay.of(day, warned.get((day.day_start_s, day.degree))) for day in days),
    )
