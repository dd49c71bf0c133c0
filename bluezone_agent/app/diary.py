"""The owner's diary: add, list and delete lines."""

from __future__ import annotations

import time
from datetime import date

from bluezone_agent.app.device import Device
from bluezone_agent.app.diary_entry import DiaryEntry
from bluezone_agent.app.owner_time import owner_calendar
from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.diary import diary_line, require_kept
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.errors import N_, DiaryError
from bluezone_agent.stores.store import Store


class DiaryList(Result, frozen=True, kw_only=True):
    """The lines about the last 14 days, by day."""

    entries: tuple[DiaryEntry, ...]


class DeletedEntry(Result, frozen=True, kw_only=True):
    """The line that was deleted."""

    number: int


def add_to_diary(device: Device, text: str, day: date | None) -> DiaryEntry:
    """Write a line about ``day``, or today; raises DiaryError if it is empty, too long, or about another time."""
    now_s, line = time.time(), diary_line(text)
    with Store(device.state_dir) as store:
        today = owner_calendar(store).day(now_s)
        entry_day = day or today
        require_kept(entry_day, today)
        with store.transaction():
            number = store.diary.add(entry_day, line, now_s)
    return DiaryEntry(number=number, day=entry_day, written_at=utc(now_s), text=line)


def diary(device: Device) -> DiaryList:
    """Return the lines about the last 14 days."""
    with Store(device.state_dir) as store:
        return DiaryList(entries=diary_since(store, time.time() - RETENTION_DAYS * DAY_S))


def diary_since(store: Store, unix_s: float) -> tuple[DiaryEntry, ...]:
    """Return the lines about the owner's days from that of ``unix_s`` on."""
    return tuple(map(DiaryEntry.of, store.diary.since(owner_calendar(store).day(unix_s))))


def delete_from_diary(device: Device, number: int) -> DeletedEntry:
    """Delete a line and every copy of it in the store's files; raises DiaryError, StateInUseError."""
    with Store(device.state_dir) as store:
        if not store.delete_from_diary(number):
            raise DiaryError(
                N_("the diary has no entry {number}"),
                N_('"bluezone-agent diary list" shows the numbers'),
                number=number,
            )
    return DeletedEntry(number=number)
