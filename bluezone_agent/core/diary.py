"""The diary: lines of the owner's own, each about a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.errors import N_, DiaryError

LONGEST: Final = 500
"""Characters of a line."""


def diary_line(text: str) -> str:
    """Return ``text`` as one line: any white space is one space. Raises DiaryError for an empty or too long line."""
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    if not line:
        raise DiaryError(N_("the line for the diary is empty"), N_('write for example: diary add "lunch with An"'))
    if len(line) > LONGEST:
        raise DiaryError(
            N_("the line for the diary is too long: {n} of at most {most} characters"),
            N_("shorten it, or split it into several entries"),
            n=len(line),
            most=LONGEST,
        )
    return line


def require_kept(day: date, today: date) -> None:
    """Raise DiaryError unless ``day`` is today or one of the 14 days before, for which everything is kept."""
    oldest = today - timedelta(days=RETENTION_DAYS)
    if not oldest <= day <= today:
        raise DiaryError(
            N_("{day} is not a day that the diary keeps"),
            N_("choose a day from {oldest} to {today}"),
            day=day,
            oldest=oldest,
            today=today,
        )
