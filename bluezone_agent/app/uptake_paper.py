"""A report as CSV, spreadsheet and letter, and the slips with codes: what people print or open elsewhere."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from bluezone_agent.app import uptake_text as words
from bluezone_agent.app.uptake_report import UptakeOnAir, UptakeReport, UptakeShare, UptakeUnit
from bluezone_agent.i18n import _, ngettext
from bluezone_agent.typesetting import typeset
from bluezone_agent.uptake.codes import MemberCode
from bluezone_agent.uptake.units import UnitTree

CSV_COLUMNS: Final = (
    "unit",
    "name",
    "parent",
    "round",
    "denominator",
    "hidden",
    "headcount",
    "units",
    "units_reported",
    "units_on_time",
    "reported_installed",
    "reported_share_percent",
    "reported_change",
    "confirmed_receipts",
    "confirmed_running",
    "confirmed_running_share_percent",
    "confirmed_running_change",
    "counted_places",
    "counted_people",
    "counted_devices",
    "counted_devices_low",
    "counted_devices_high",
    "counted_share_percent",
    "streets",
    "leaflets",
)
"""The same in every language: the file is for programs."""


def report_csv(report: UptakeReport) -> bytes:
    """Return the table as CSV: UTF-8 with a mark by which spreadsheets know it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for unit in report.units:
        writer.writerow(
            (
                unit.unit,
                unit.name,
                unit.parent,
                report.round,
                report.denominator,
                str(unit.hidden).lower(),
                unit.headcount,
                unit.units,
                unit.units_reported,
                unit.units_on_time,
                *_share(unit.installed),
                unit.receipts.people if unit.receipts else None,
                *_share(unit.running),
                *_on_air(unit.on_air),
                unit.streets,
                unit.leaflets,
            )
        )
    return out.getvalue().encode("utf-8-sig")


def _share(share: UptakeShare | None) -> tuple[int | None, float | None, int | None]:
    return (share.people, round(share.share_percent, 2), share.change) if share else (None, None, None)


def _on_air(found: UptakeOnAir | None) -> tuple[int | float | None, ...]:
    if found is None:
        return (None,) * 6
    bounds = (round(value, 1) for value in (found.devices, found.devices_low, found.devices_high))
    return (found.places, found.people, *bounds, round(found.share_percent, 2))


def report_xlsx(report: UptakeReport) -> bytes:
    """Return the table as a workbook: one sheet of figures, one that says what they are, one of who did not report."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = _("round {n}").format(n=report.round)
    table = words.table(report)
    sheet.append(table.names)
    for row, unit in zip(table.rows, report.units, strict=True):
        sheet.append([unit.name, *row[1:]])
        sheet.cell(sheet.max_row, 1).alignment = Alignment(indent=unit.level)
    _dress(sheet, table.names)
    about = book.create_sheet(_("notes"))
    for text in (words.heading(report), *words.notes(report)):
        about.append([text])
        about.cell(about.max_row, 1).alignment = Alignment(wrap_text=True, vertical="top")
    about.column_dimensions["A"].width = 100
    missed = book.create_sheet(_("not in time"))
    missed.append([_("unit"), _("name"), _("reported at")])
    for one in report.missed:
        missed.append([one.unit, one.name, words.zone_time(report, one.reported_at) if one.reported_at else None])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _dress(sheet: Any, names: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        head = sheet.cell(1, number)
        head.font = Font(bold=True, color="FFFFFF")
        head.fill = PatternFill("solid", start_color="0B4F8A")
        sheet.column_dimensions[get_column_letter(number)].width = 40 if number == 1 else max(len(name) + 4, 12)
    sheet.freeze_panes = "B2"


def report_pdf(report: UptakeReport) -> bytes:
    """Return the letter."""
    table = words.table(report)
    return typeset(
        "letter",
        {
            "title": words.heading(report),
            "subtitle": _subtitle(report),
            "language": os.environ.get("LANGUAGE", "en")[:2] or "en",
            "names": table.names,
            "rows": [
                {"level": unit.level, "cells": _cells(unit, row, table.names)}
                for unit, row in zip(report.units, table.rows, strict=True)
            ],
            "notes": list(words.notes(report)),
            "footer": _("as of {when}").format(when=words.zone_time(report, report.made_at)),
            "signature": _("Head of the unit"),
        },
    )


def _subtitle(report: UptakeReport) -> str:
    whole = report.units[0]
    reported = ngettext("{reported} of {n} unit reported", "{reported} of {n} units reported", whole.units).format(
        reported=whole.units_reported, n=whole.units
    )
    return _("as of {when}").format(when=words.zone_time(report, report.made_at)) + " · " + reported


def _cells(unit: UptakeUnit, row: list[str | int | float | None], names: list[str]) -> list[str]:
    return [unit.name, *(words.cell(value, name) for value, name in zip(row[1:], names[1:], strict=True))]


def slips_pdf(tree: UnitTree, slips: Iterable[tuple[MemberCode, str]]) -> bytes:
    """Return slips to cut, each unit's on pages of its own."""
    return typeset(
        "slips",
        {
            "title": _("slips with codes"),
            "language": os.environ.get("LANGUAGE", "en")[:2] or "en",
            "text": _("On your device: bluezone-agent take-part CODE. Nobody notes which slip you drew."),
            "units": [
                {"name": tree.title(tree.require(unit)), "codes": [code.written() for code, _unit in rows]}
                for unit, rows in groupby(slips, key=lambda slip: slip[1])
            ],
        },
    )
