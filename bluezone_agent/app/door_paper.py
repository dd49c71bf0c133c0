"""The figures of a door as a table for programs."""

from __future__ import annotations

import csv
import io
from typing import Final

from bluezone_agent.app.door import DoorReport

HOURS: Final = ("day", "hour", "in_with", "in_without", "out_with", "out_without", "share_with_percent")
PASSAGES: Final = ("at", "direction", "device", "protocol", "label")
"""The same in every language: the file is for programs."""
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute."""


def report_csv(report: DoorReport) -> bytes:
    """Return a row for each hour, or, if they are in the report, one for each person; UTF-8 with a byte order mark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    passages = [passage for day in report.days for passage in day.passages]
    writer.writerow(PASSAGES if passages else HOURS)
    for passage in passages:
        device = "no" if passage.protocol is None else "yes"
        at = passage.at.strftime("%Y-%m-%dT%H:%MZ")
        writer.writerow((at, passage.direction, device, passage.protocol or "", _harmless(passage.label or "")))
    for day in report.days if not passages else ():
        for hour in day.hours:
            c, share = hour.people, hour.share_percent
            shown = "" if share is None else f"{share:.1f}"
            writer.writerow((day.day, hour.hour, c.in_with, c.in_without, c.out_with, c.out_without, shown))
    return out.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULAS) else text
