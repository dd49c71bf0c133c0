"""Texts of a dataset that follow from the plan: the methods section, and the code book."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bluezone_agent.i18n import _, local_number, ngettext
from bluezone_agent.trials.dataset_tables import TABLES
from bluezone_agent.trials.plan import Phase, Schedule, TrialPlan


def methods(plan: TrialPlan) -> list[str]:
    """Return the methods section of a paper: its paragraphs, in the person's language."""
    return [_participants(plan), _radio(plan), *(_phase(phase) for phase in plan.phases)]


def _participants(plan: TrialPlan) -> str:
    people = len({device.person for device in plan.devices if device.person})
    senders = sum(device.broadcasts for device in plan.devices)
    listeners = sum(device.listens for device in plan.devices)
    devices = ngettext("{n} device", "{n} devices", len(plan.devices)).format(n=len(plan.devices))
    carriers = ngettext("{n} person", "{n} people", people).format(n=people)
    return _(
        "{devices} took part, carried by {people}; {senders} advertised and {listeners} received. They used the"
        " identifiers of the protocol {protocol}, from keys of the trial alone."
    ).format(devices=devices, people=carriers, senders=senders, listeners=listeners, protocol=plan.trial.protocol)


def _radio(plan: TrialPlan) -> str:
    scan = plan.radio.scan
    scanned = (
        _("for {on_s:g} s every {every_s:g} s").format(on_s=local_number(scan.on_s), every_s=local_number(scan.every_s))
        if isinstance(scan, Schedule)
        else _("continuously")
    )
    rotation = (
        _("as the protocol says")
        if plan.radio.rotation_s is None
        else _("every {seconds:g} s").format(seconds=local_number(plan.radio.rotation_s))
    )
    return _(
        "The devices scanned {scanned} and changed their identifier {rotation}. Each received packet was recorded with"
        " its RSSI and the times of two clocks. Up to {near:g} m counted as near."
    ).format(scanned=scanned, rotation=rotation, near=local_number(plan.trial.near_m))


def _phase(phase: Phase) -> str:
    if phase.free:
        truth = _("people moved freely, and marks state the distances")
    elif phase.paths:
        truth = _("the devices followed planned paths")
    elif phase.distances:
        truth = _("the distances were set in pairs")
    else:
        truth = _("the devices had fixed positions")
    circumstances = ", ".join(text for text in (phase.posture, phase.obstacles) if text)
    confidence = (_("guessed"), _("estimated"), _("paced"), _("measured"))[phase.confidence]
    return _("Phase {name} ({minutes:g} min{circumstances}): {truth}; distances {confidence}.").format(
        name=phase.name,
        minutes=local_number(phase.minutes),
        circumstances=f"; {circumstances}" if circumstances else "",
        truth=truth,
        confidence=confidence,
    )


def code_book(plan: TrialPlan, resources: Sequence[dict[str, Any]]) -> str:
    """Return README.md of a dataset: what it is, who agreed to what, and every column."""
    return "\n".join(_code_book(plan, resources)) + "\n"


def _code_book(plan: TrialPlan, resources: Sequence[dict[str, Any]]) -> Iterator[str]:
    about = plan.trial
    yield f"# {about.title or about.name}"
    for heading, text in (
        (_("Methods"), "\n\n".join(methods(plan))),
        (_("Consent"), about.consent),
        (_("License"), about.license),
        (_("Citation"), about.citation),
        (_("Notes"), about.notes),
    ):
        if text:
            yield f"\n## {heading}\n\n{text}"
    for name, columns in TABLES.items():
        rows = sum(resource["rows"] for resource in resources if resource["table"] == name)
        yield f"\n## {name}\n"
        yield ngettext("{n} row", "{n} rows", rows).format(n=rows)
        yield f"\n| {_('column')} | {_('type')} | {_('unit')} | |\n|---|---|---|---|"
        for column in columns:
            yield f"| `{column.name}` | {column.type} | {column.unit} | {column.description} |"
