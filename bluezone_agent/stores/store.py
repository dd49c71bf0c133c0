"""The agent's memory: one SQLite file in the state directory."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.clock_state import ClockState
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.journal import KeysSubmitted
from bluezone_agent.errors import N_, StateInUseError, StoreDamagedError, StoreWriteError
from bluezone_agent.stores.calibrations import Calibrations
from bluezone_agent.stores.clock_timeline import ClockTimelines
from bluezone_agent.stores.contact_summaries import ContactSummaries
from bluezone_agent.stores.contacts import Contacts
from bluezone_agent.stores.diary import Diary
from bluezone_agent.stores.exposures import Exposures
from bluezone_agent.stores.file.image import without_tokens
from bluezone_agent.stores.file.open import FILE_NAME, make_private, open_database, store_error
from bluezone_agent.stores.journal import StoredJournal
from bluezone_agent.stores.keys import OwnKeys
from bluezone_agent.stores.listening import ListeningSpans
from bluezone_agent.stores.notices import Notices
from bluezone_agent.stores.outbox import FutureKeys, Item, Outbox, PauseEnded, SpanStarts
from bluezone_agent.stores.own_data import StoredData
from bluezone_agent.stores.pauses import Pauses
from bluezone_agent.stores.sources import Sources
from bluezone_agent.stores.submission_tokens import SubmissionTokens

MOST_BYTES: Final = 256 * 2**20
"""Two weeks near 200 people for 8 hours a day take 50 MB; forged identifiers must not fill the card."""
CAP_STEP: Final = 20_000
"""Minutes deleted in one step."""
LOCK_NAME: Final = "agent.lock"


class Store(AbstractContextManager["Store"]):
    """Contacts, own keys, exposures, sources, calibrations, listening spans, timelines, diary, tokens and the journal.

    Writes happen within :meth:`transaction`, or by :meth:`post`.
    """

    def __init__(self, state_dir: Path) -> None:
        """Open the store in ``state_dir``; raises StoreError (see ``open_database``)."""
        self.state_dir = state_dir
        self._db = open_database(state_dir)
        self._closed = False
        self._outbox = Outbox()
        self.calibrations = Calibrations(self._db)
        self.contacts = Contacts(self._db)
        self.timelines = ClockTimelines(self._db)
        self.diary = Diary(self._db)
        self.keys = OwnKeys(self._db)
        self.exposures = Exposures(self._db)
        self.contact_summaries = ContactSummaries(self._db)
        self.journal = StoredJournal(self._db)
        self.listening = ListeningSpans(self._db)
        self.notices = Notices(self._db)
        self.pauses = Pauses(self._db)
        self.sources = Sources(self._db)
        self.tokens = SubmissionTokens(self._db)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written inside together, or nothing of it; the outbox is written first.

        Raises StoreWriteError when the disk fails, StoreDamagedError when the file is damaged.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            posted = self._outbox.waiting()
            for item in posted:
                self._write(item)
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.DatabaseError):
                raise store_error(self.state_dir / FILE_NAME, error) from error
            raise
        self._outbox.remove(posted)

    def _roll_back(self) -> None:
        """Undo an open transaction; after some disk errors SQLite has already undone it."""
        self.contacts.forget()
        with suppress(sqlite3.DatabaseError):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def enqueue(self, *items: Item) -> None:
        """Have ``items`` written with the next transaction that is committed."""
        self._outbox.add(items)

    def post(self, *items: Item) -> None:
        """Write ``items`` now, or, if the disk fails, with a later transaction.

        For records about the agent's own state: it must not end because it can't write them.
        """
        self.enqueue(*items)
        with suppress(StoreWriteError), self.transaction():
            pass

    def _write(self, item: Item) -> None:
        match item:
            case SpanStarts(at_s, scan_mode, reason, resumes, utc_offset_s):
                start = self.listening.resume if resumes else self.listening.begin
                start(at_s, scan_mode, reason, utc_offset_s=utc_offset_s)
            case ClockState():
                self.timelines.keep(item)
            case PauseEnded(pause):
                self.pauses.end(pause)
            case FutureKeys(after_s):
                self.keys.delete_after(after_s)
            case _:
                self.journal.put(item)

    def date(self, boot_id: str, booted_at_s: float, now_s: float) -> int:
        """Date what was received and fetched in this boot before time was known.

        ``booted_at_s`` is the wall time at uptime 0. Files that may have keys of the newly dated minutes are read again
        by the next check. Returns how many minutes were dated. Call it in a transaction.
        """
        self.sources.date(boot_id, booted_at_s, now_s)
        dated = self.contacts.date(boot_id, booted_at_s, now_s)
        if dated.minutes:
            # a file that was published earlier can't count for them, so only those fetched since are read again
            self.sources.reread(dated.oldest_at_s)
        return dated.minutes

    def expire(self, now_s: float) -> None:
        """Delete everything older than 14 days, and leave no copy of it in the file.

        Call it only with trusted time: a clock that jumps ahead would delete everything.
        """
        limit_s = now_s - RETENTION_DAYS * DAY_S
        with self.transaction():
            self.contacts.delete_before(limit_s)
            self.keys.delete_before(limit_s)
            self.exposures.delete_before(limit_s)
            self.diary.delete_before(limit_s)
            self.notices.delete_before(limit_s)
            self.listening.delete_before(limit_s)
            self.sources.delete_before(limit_s)
            self.tokens.delete_expired(now_s)
            self.journal.delete_before(KeysSubmitted, limit_s)
        self._truncate_log()

    def encrypt(self, passphrase: str) -> bool:
        """Encrypt this device's keys with a passphrase, and unlock them; return whether they were unencrypted before.

        Afterwards no unencrypted copy is left in the files. Raises KeysEncryptedError for another passphrase,
        StateInUseError when readers keep the log from being emptied.
        """
        readable = not self.keys.encrypted
        with self.transaction():
            if readable:
                self.keys.encrypt(passphrase)
            else:
                self.keys.unlock(passphrase)
        if self._truncate_log() and readable:
            raise StateInUseError(
                N_(
                    "the keys in {path} are encrypted, but unencrypted copies stay in its write-ahead log "
                    "while other commands read it"
                ),
                N_("end the other bluezone-agent commands: the copies are deleted when the last one ends"),
                path=self.state_dir / FILE_NAME,
            )
        return readable

    def decrypt(self) -> int:
        """Remove the encryption of this device's unlocked keys; return how many there are."""
        with self.transaction():
            return self.keys.decrypt()

    def cap(self, most_bytes: int = MOST_BYTES) -> int:
        """Delete the oldest contacts until the store has at most ``most_bytes``, but never keys; return how many."""
        gone = 0
        while self.used_bytes() > most_bytes:
            with self.transaction():
                deleted = self.contacts.delete_oldest(CAP_STEP)
            gone += deleted
            if not deleted:
                break
        if gone:
            self._truncate_log()
        return gone

    def copy(self) -> bytes:
        """Return the complete file as of one moment, its log included, while others write; but no tokens."""
        self._db.execute("BEGIN")
        try:
            has_tokens = self.tokens.any()  # from here on it does not change
            data = self._db.serialize()
        except sqlite3.DatabaseError as error:
            raise store_error(self.state_dir / FILE_NAME, error) from error
        finally:
            self._db.execute("COMMIT")
        return without_tokens(data) if has_tokens else data

    def delete_from_diary(self, entry_id: int) -> bool:
        """Delete an entry of the diary, and every copy of it in the files; return whether there was one.

        Raises StateInUseError when readers keep the log, which still has it, from being emptied.
        """
        with self.transaction():
            found = self.diary.delete(entry_id)
        if self._truncate_log() and found:
            raise StateInUseError(
                N_("entry {number} is deleted, but a copy stays in the write-ahead log while other commands read it"),
                N_("end the other bluezone-agent commands: the copy is deleted when the last one ends"),
                number=entry_id,
            )
        return found

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Let everything that is read inside be of one moment, while others write; nothing can be written inside."""
        try:
            self._db.execute("BEGIN")
            self.tokens.any()  # what is read from here on is as it is now
            yield
        except sqlite3.DatabaseError as error:
            raise store_error(self.state_dir / FILE_NAME, error) from error
        finally:
            with suppress(sqlite3.DatabaseError):
                self._db.execute("ROLLBACK")

    def own_data(self, calendar: Calendar) -> StoredData:
        """Return what is stored for an export; read it in :meth:`one_moment`."""
        return StoredData(self._db, calendar)

    def holds_anything(self) -> bool:
        """Return whether it has keys, contacts, exposures, calibrations or a diary."""
        tables = ("daily_key", "contact_minute", "exposure", "calibration", "diary")
        return any(self._db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in tables)  # noqa: S608

    def used_bytes(self) -> int:
        """Return the size of the file less the free space inside."""
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _truncate_log(self) -> bool:
        """Empty the log into the file; return whether a reader prevented it."""
        try:
            return bool(self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_LOCKED":
                return True  # a reader of this process that was interrupted and has not been collected yet
            raise store_error(self.state_dir / FILE_NAME, error) from error

    def close(self) -> None:
        """Empty the write-ahead log into the file and close it; closing it again does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            with suppress(StoreWriteError):  # committed data stay in the log, and are read from there
                self._truncate_log()
        finally:
            self._db.close()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close it; SQLite's errors about a damaged file, or the disk, are raised as store errors."""
        try:
            self.close()
        except StoreDamagedError:
            if error is None:
                raise
        if isinstance(error, sqlite3.DatabaseError):
            meaning = store_error(self.state_dir / FILE_NAME, error)
            if meaning is not error:
                raise meaning from error


class StateLock(AbstractContextManager["StateLock"]):
    """Held by the one process that advertises from a state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / LOCK_NAME
        self._fd = -1

    def __enter__(self) -> Self:
        """Take the lock; raises StateInUseError when another process holds it, StoreError when there can't be one."""
        make_private(self._path.parent)
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise StateInUseError(
                N_("another agent is running on {path}"),
                N_("stop it first, or use a separate folder for this one: --state-dir DIR"),
                path=self._path.parent,
            ) from error
        self._fd = fd
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def agent_runs(state_dir: Path) -> bool:
    """Return whether a process holds the lock of ``state_dir``."""
    try:
        fd = os.open(state_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)  # works on a read-only disk too
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
