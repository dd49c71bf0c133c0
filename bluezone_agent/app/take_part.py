"""A member's receipt: what this device tells the organiser of a campaign, and nothing else."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import judged_now, owner_calendar
from bluezone_agent.app.result import Result
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.listening import Span
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.files import write_new
from bluezone_agent.stores.store import Store
from bluezone_agent.uptake.codes import MemberCode, parse_code
from bluezone_agent.uptake.receipts import MemberReceipt, make_receipt, written

NAME: Final = "receipt-{random}.json"


class TakePart(Result, frozen=True, kw_only=True):
    """A receipt, value for value as it is in the file."""

    file: Path
    campaign: str
    code_id: str
    """Derived from the code, which is not in the file."""
    made_on: date
    days_run: int
    """Days of the last 14 on which the device scanned, rounded down to 0, 1, 3, 7 or 14."""
    share_percent: int
    """How much of these days it scanned, to the nearest of 0, 25, 50, 75 and 100 %."""

    @classmethod
    def of(cls, receipt: MemberReceipt, file: Path) -> TakePart:
        """Return the answer for a receipt."""
        return cls(
            file=file,
            campaign=receipt.campaign,
            code_id=receipt.code_id,
            made_on=receipt.made_on,
            days_run=receipt.days_run,
            share_percent=receipt.share_percent,
        )


def code_of(text: str) -> MemberCode:
    """Read the code on a slip; raises UptakeError."""
    return parse_code(text)


def receipt(device: Device, code: MemberCode) -> MemberReceipt:
    """Return the receipt of this device; nothing is written. Raises StoreError, AgentError."""
    config = configuration(device)
    with Store(device.state_dir) as store:
        now = judged_now(config, store)
        if not now.trusted:
            raise AgentError(
                N_("the time is not known, so the last 14 days are not either"),
                N_("wait until the clock is synchronised, or set clock_trusted = true if it is right"),
            )
        return receipt_at(store, code, now.wall_s)


def receipt_at(store: Store, code: MemberCode, now_s: float) -> MemberReceipt:
    """Return the receipt of the device with this store at ``now_s``, Unix seconds."""
    calendar = owner_calendar(store)
    spans = store.listening.since(now_s - RETENTION_DAYS * DAY_S)
    days, share = time_running(spans, calendar, now_s)
    return make_receipt(code, calendar.day(now_s), days, share)


def time_running(spans: list[Span], calendar: Calendar, now_s: float) -> tuple[int, float]:
    """Return on how many of the owner's last 14 days this device scanned, and what share of those days (0 to 1)."""
    today = calendar.day(now_s)
    scanned_s = dict[date, float]()
    for span in spans:
        if span.listened:
            at_s = float(span.starts_at_s)
            while at_s < span.ends_at_s:
                day = calendar.day(at_s)
                ends_s = min(span.ends_at_s, calendar.starts_at_s(day) + DAY_S)
                ends_s = ends_s if ends_s > at_s else span.ends_at_s  # a clock that was set back across midnight
                scanned_s[day] = scanned_s.get(day, 0.0) + ends_s - at_s
                at_s = ends_s
    days = {day: length for day, length in scanned_s.items() if 0 <= (today - day).days < RETENTION_DAYS}
    lasted_s = sum(min(now_s, calendar.starts_at_s(day) + DAY_S) - calendar.starts_at_s(day) for day in days)
    return len(days), min(sum(days.values()) / lasted_s, 1.0) if lasted_s else 0.0


def default_file() -> Path:
    """Return a name for a receipt that says nothing of who made it."""
    return Path(NAME.format(random=secrets.token_hex(4)))


def write_receipt(found: MemberReceipt, file: Path) -> TakePart:
    """Write the receipt into a new file, whose time of change is only the day's. Raises NewFileError."""
    write_new(file, written(found))
    if file.exists():
        midnight_s = int(datetime.combine(found.made_on, datetime.min.time(), UTC).timestamp())
        os.utime(file, (midnight_s, midnight_s))
    return TakePart.of(found, file)
