"""Reminders of a campaign as a calendar (iCalendar, RFC 5545)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bluezone_agent.campaign.plan import CampaignPlan
from bluezone_agent.campaign.words import CampaignWords

LINE: Final = 75
"""Octets of a line (3.1)."""
LASTS: Final = timedelta(minutes=15)


def calendar(plan: CampaignPlan, words: CampaignWords, made_at: datetime) -> bytes:
    """Return the calendar: one event a reminder, from the first day to the last, with an alarm."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//bluezone-agent//campaign//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_escaped(words.reminder)}",
    ]
    for at in reminder_times(plan):
        uid = hashlib.sha256(f"{plan.campaign.unit}|{plan.campaign.link}|{at.isoformat()}".encode()).hexdigest()
        lines += [
            "BEGIN:VEVENT",
            f"UID:{uid[:32]}@bluezone-agent",
            f"DTSTAMP:{_utc(made_at)}",
            f"DTSTART:{_utc(at)}",
            f"DTEND:{_utc(at + LASTS)}",
            f"SUMMARY:{_escaped(words.reminder)}",
            f"DESCRIPTION:{_escaped(words.reminder_text)}",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "TRIGGER:PT0S",
            f"DESCRIPTION:{_escaped(words.reminder)}",
            "END:VALARM",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(_folded(line) for line in lines).encode()


def reminder_times(plan: CampaignPlan) -> list[datetime]:
    """Return when people are reminded, in the time zone of the campaign: the first and the last day are among them."""
    dates = plan.dates
    days = list(range(0, (dates.end - dates.start).days + 1, dates.remind_every_days))
    last = (dates.end - dates.start).days
    zone = ZoneInfo(dates.timezone)
    return [
        datetime.combine(dates.start + timedelta(days=day), dates.remind_at, zone)
        for day in (days if last in days else [*days, last])
    ]


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    """Return a TEXT value (3.3.11)."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Return a content line, folded before its 76th octet and never inside of a letter."""
    folded, size = "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > LINE:
            folded, size = folded + "\r\n ", 1
        folded, size = folded + letter, size + octets
    return folded + "\r\n"
