"""``bluezone-agent diary``: lines of one's own about a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

import click

from bluezone_agent.app import diary as diaries
from bluezone_agent.app.diary_entry import DiaryEntry
from bluezone_agent.cli.base import (
    DAY,
    Command,
    Group,
    argument,
    device,
    json_option,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_, DiaryError
from bluezone_agent.files import STANDARD, read_text
from bluezone_agent.i18n import _, local_date


@click.group(
    cls=Group,
    help=N_(
        "Keep notes about a day, which are shown with its contacts and exposures. Like everything else they are"
        " deleted after 14 days."
    ),
)
def diary() -> None:
    """Group of the diary commands."""


@diary.command(
    cls=Command,
    answers=DiaryEntry,
    help=N_('Add a line about a day. With "-" it is read from standard input, where no other user can see it.'),
)
@argument("text", metavar="NOTE")
@option("--day", type=DAY, help=N_("The day that it is about, YYYY-MM-DD; today if not given."))
@json_option
def add(*, text: str, day: datetime | None, as_json: bool) -> None:
    """Write a line."""
    found = diaries.add_to_diary(device(), _from_stdin() if text == STANDARD else text, day.date() if day else None)
    if as_json:
        print_json(found)
        return
    say(_("added to {day} as entry {number}").format(day=local_date(found.day), number=found.number))


def _from_stdin() -> str:
    try:
        return read_text(Path(STANDARD))
    except (OSError, UnicodeDecodeError) as error:
        raise DiaryError(
            N_("can't read the line from standard input: {reason}"),
            N_("write one line of UTF-8 text"),
            reason=getattr(error, "strerror", None) or "not UTF-8",
        ) from error


@diary.command("list", cls=Command, answers=diaries.DiaryList, help=N_("Show your notes about the last 14 days."))
@json_option
def list_diary(*, as_json: bool) -> None:
    """Print every line with its day and number."""
    found = diaries.diary(device())
    if as_json:
        print_json(found)
        return
    for entry in found.entries:
        click.echo(
            wrapped(
                _("{day}  {number}  {text}").format(
                    day=local_date(entry.day), number=entry.number, text=printable(entry.text)
                )
            )
        )
    if not found.entries:
        click.echo(_("no notes in the diary"))


@diary.command(
    cls=Command,
    answers=diaries.DeletedEntry,
    help=N_('Delete the entry with this number, which "diary list" shows. This can\'t be undone.'),
)
@argument("number", metavar="NUMBER", type=click.IntRange(min=1))
@json_option
def delete(*, number: int, as_json: bool) -> None:
    """Delete a line."""
    done = diaries.delete_from_diary(device(), number)
    if as_json:
        print_json(done)
        return
    say(_("entry {number} deleted").format(number=done.number))


def diary_lines(entries: Iterable[DiaryEntry], day: date | None = None) -> Iterator[str]:
    """Yield the lines about ``day``, or about every day with its date, as they are shown with other data."""
    for entry in entries:
        if day is None:
            yield _("your note about {day}: {text}").format(day=local_date(entry.day), text=printable(entry.text))
        elif entry.day == day:
            yield "  " + _("your note: {text}").format(text=printable(entry.text))
