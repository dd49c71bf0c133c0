"""A report in words and as a table, in the person's language: on the terminal, in spreadsheets and in the letter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bluezone_agent.app.uptake_report import UptakeReport, UptakeShare, UptakeUnit
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_number, ngettext
from bluezone_agent.uptake.blocks import LEAST_PEOPLE

DENOMINATORS: Final = {
    "staff": N_("staff"),
    "pupils": N_("pupils"),
    "households": N_("households"),
    "residents": N_("residents"),
}
MOST_NAMES: Final = 12
"""Units that one sentence names."""
INDENT: Final = "  "
WITHHELD: Final = "*"
"""In place of the headcount of a unit that is not shown; a note with the same sign says why."""


class ReportTable(NamedTuple):
    """The names of the columns, and a row for each unit: text for what people read, numbers for spreadsheets."""

    names: list[str]
    rows: list[list[str | int | float | None]]


def heading(report: UptakeReport) -> str:
    """Return the title of a report."""
    whole = report.units[0].name
    return _("{unit}, round {round}: who takes part, of {denominator}").format(
        unit=whole, round=report.round, denominator=_(DENOMINATORS[report.denominator])
    )


def table(report: UptakeReport) -> ReportTable:
    """Return the table; columns without a value in any row are left out. Shares are in percent."""
    columns: dict[str, list[str | int | float | None]] = {_("unit"): [INDENT * u.level + u.name for u in report.units]}
    columns[_(DENOMINATORS[report.denominator])] = [WITHHELD if u.hidden else u.headcount for u in report.units]
    columns[_("reported")] = [f"{u.units_reported}/{u.units}" for u in report.units]
    for heads, shares in _evidence(report):
        for name, values in zip(heads, zip(*map(_values, shares), strict=True), strict=True):
            if any(value is not None for value in values):
                columns[name] = list(values)
    columns |= {name: list(values) for name, values in _on_air(report) if any(value is not None for value in values)}
    work = {_("streets"): [u.streets for u in report.units], _("leaflets"): [u.leaflets for u in report.units]}
    columns |= {name: list(values) for name, values in work.items() if any(values)}
    return ReportTable(list(columns), [list(row) for row in zip(*columns.values(), strict=True)])


def _evidence(report: UptakeReport) -> Iterator[tuple[tuple[str, str, str], list[UptakeShare | None]]]:
    yield (_("installed"), "%", "±"), [u.installed for u in report.units]
    yield (_("running"), _("running %"), _("running ±")), [u.running for u in report.units]


def _on_air(report: UptakeReport) -> Iterator[tuple[str, list[str | int | float | None]]]:
    found = [unit.on_air for unit in report.units]
    yield _("people present"), [None if air is None else air.people for air in found]
    yield _("on the air"), [None if air is None else round(air.devices, 1) for air in found]
    yield _("95 %"), [None if air is None else f"{air.devices_low:.0f}-{air.devices_high:.0f}" for air in found]
    yield _("on the air %"), [None if air is None else round(air.share_percent, 1) for air in found]


def _values(share: UptakeShare | None) -> tuple[int | None, float | None, int | None]:
    return (None, None, None) if share is None else (share.people, round(share.share_percent, 1), share.change)


def cell(value: str | float | None, name: str) -> str:
    """Return a value as people read it; ``name`` is that of its column."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if "±" in name:
        return f"{value:+}"
    return f"{local_number(value):.1f}" if isinstance(value, float) else str(value)


def sentence(unit: UptakeUnit) -> str:
    """Return a row as a sentence, for a narrow terminal."""
    if unit.hidden:
        return _("{unit}: not shown").format(unit=unit.name)
    parts = []
    if unit.installed:
        parts.append(
            _("{people} of {headcount} installed ({share:.1f} %)").format(
                people=unit.installed.people,
                headcount=unit.headcount,
                share=local_number(unit.installed.share_percent),
            )
        )
    if unit.installed and unit.installed.change is not None:
        parts.append(_("{change:+} since the round before").format(change=unit.installed.change))
    if unit.running:
        parts.append(
            _("{people} running ({share:.1f} %)").format(
                people=unit.running.people, share=local_number(unit.running.share_percent)
            )
        )
    if unit.on_air:
        parts.append(
            _("{devices:.1f} devices on the air ({low:.0f} to {high:.0f}) for {people} people counted").format(
                devices=local_number(unit.on_air.devices),
                low=unit.on_air.devices_low,
                high=unit.on_air.devices_high,
                people=unit.on_air.people,
            )
        )
    if unit.streets or unit.leaflets:
        parts.append(
            _("{streets} streets, {leaflets} leaflets").format(streets=unit.streets or 0, leaflets=unit.leaflets or 0)
        )
    return f"{unit.name}: {'; '.join(parts) or _('not reported')}"


def notes(report: UptakeReport) -> Iterator[str]:
    """Yield what the figures are, and what they do not show."""
    whole = report.units[0]
    yield from _deadline(report)
    if report.target_percent is not None:
        below = [unit.name for unit in report.units[1:] if unit.target_reached is False]
        yield _("target: {target:g} %; below it: {units}").format(
            target=local_number(report.target_percent), units=_listed(below)
        )
    if whole.installed and report.meetings_percent is not None:
        yield _(
            "at {share:.1f} %, both people take part in {meetings:.1f} % of the meetings of two people: the share"
            " squared"
        ).format(share=local_number(whole.installed.share_percent), meetings=local_number(report.meetings_percent))
    if report.awaited:
        yield _("not merged yet, so in no sum: {units}").format(units=_listed(list(report.awaited)))
    yield _("installed: as heads of units reported it; nobody has checked it")
    if whole.receipts or any(unit.running for unit in report.units):
        yield _(
            "running: devices that scanned at least half of the time, by receipts that members left. The organiser made"
            " the codes and could forge receipts, or link one whose sender is known"
        )
    if whole.on_air or report.counted or any(unit.on_air for unit in report.units):
        yield _(
            "on the air: devices received at a place, against people counted there, with a 95 % interval. It says"
            " nothing of other people and other hours; a person with two devices counts twice, devices next door count"
            " too, and iPhones of the old Bluezone app do not"
        )
    for counted in report.counted[:MOST_NAMES]:
        yield _(
            "counted on the air at {unit} on {when} by {who}: {devices:.1f} devices ({low:.0f} to {high:.0f}) for"
            " {people} people"
        ).format(
            unit=counted.unit,
            when=zone_time(report, counted.counted_at),
            who=counted.counted_by or "-",
            devices=local_number(counted.devices),
            low=counted.devices_low,
            high=counted.devices_high,
            people=counted.people,
        )
    if report.hidden_units:
        yield ngettext(
            "* {n} unit is not shown: a unit with fewer than {least} people, or one that would give it away. A sum with"
            " such a unit may differ by 1, and includes it once all units counted with it have reported",
            "* {n} units are not shown: units with fewer than {least} people, and others that would give them away. A"
            " sum with such units may differ by 1, and includes them once all units counted with them have reported",
            report.hidden_units,
        ).format(n=report.hidden_units, least=LEAST_PEOPLE)


def _deadline(report: UptakeReport) -> Iterator[str]:
    if report.deadline_at is not None:
        yield _("deadline: {when}; {n} of {units} units reported by then").format(
            when=zone_time(report, report.deadline_at),
            n=report.units[0].units_on_time,
            units=report.units[0].units,
        )
    if not report.missed_units:
        return
    late = [
        _("{unit} ({time})").format(unit=one.name, time=zone_time(report, one.reported_at))
        for one in report.missed
        if one.reported_at
    ]
    missing = [one.name for one in report.missed if not one.reported_at]
    more = report.missed_units - len(report.missed)
    if late:
        yield _("late: {units}").format(units=_listed(late))
    if missing or more:
        yield _("not reported: {units}").format(units=_listed(missing, more))


def _listed(names: list[str], more: int = 0) -> str:
    """Return names, the first of many."""
    more += max(len(names) - MOST_NAMES, 0)
    text = ", ".join(names[:MOST_NAMES]) or _("none")
    return text + (ngettext(" and {n} more", " and {n} more", more).format(n=more) if more else "")


def zone_time(report: UptakeReport, at: datetime) -> str:
    """Return date and time in the campaign's time zone."""
    return at.astimezone(ZoneInfo(report.timezone)).strftime(_("%Y-%m-%d %H:%M"))
