"""The page of a door's figures, for print."""

from __future__ import annotations

from bluezone_agent.app import door_text as words
from bluezone_agent.app.door import DoorReport
from bluezone_agent.html.page import page
from bluezone_agent.i18n import _, local_date


def report_page(found: DoorReport) -> str:
    """Return the page: everything is in it."""
    return page(
        "door",
        title_text=_("People at the door, {since} to {until}").format(
            since=local_date(found.since), until=local_date(found.until)
        ),
        columns=words.columns(),
        days=[
            (
                local_date(day.day),
                [
                    *(words.row(words.hour(hour), hour.people, hour.share_percent) for hour in day.hours),
                    words.row(_("whole day"), day.people, day.share_percent),
                ],
                [words.passage(passage) for passage in day.passages],
            )
            for day in found.days
        ],
        limits=words.limits(),
    )
