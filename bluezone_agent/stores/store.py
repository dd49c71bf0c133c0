"""The agent's memory: one SQLite file in the state directory."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, StateInUseError
from bluezone_agent.stores.calibrations import Calibrations
from bluezone_agent.stores.contacts import Contacts
from bluezone_agent.stores.database import open_database
from bluezone_agent.stores.exposures import Exposures
from bluezone_agent.stores.keys import OwnKeys
from bluezone_agent.stores.listening import ListeningSpans
from bluezone_agent.stores.mixing import Mixing
from bluezone_agent.stores.sources import Sources

RETENTION_DAYS: Final = 14
LOCK_NAME: Final = "agent.lock"


class Store(AbstractContextManager["Store"]):
    """Contacts, own keys, exposures, sources, calibrations, listening spans and signs of life.

    Writes happen within :meth:`transaction`.
    """

    def __init__(self, state_dir: Path) -> None:
        """Open the store in ``state_dir``; raises StoreError (see ``open_database``)."""
        self.state_dir = state_dir
        self._db = open_database(state_dir)
        self._closed = False
        self.calibrations = Calibrations(self._db)
        self.contacts = Contacts(self._db)
        self.keys = OwnKeys(self._db)
        self.exposures = Exposures(self._db)
        self.mixing = Mixing(self._db)
        self.listening = ListeningSpans(self._db)
        self.sources = Sources(self._db)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written inside at once, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            self.contacts.forget()
            raise
        self._db.execute("COMMIT")

    def mark(self, name: str, now_s: float, **detail: Any) -> None:
        """Write a sign of life."""
        self._db.execute(
            "INSERT INTO sign_of_life VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET at_s = excluded.at_s, detail = excluded.detail",
            (name, int(now_s), json.dumps(detail)),
        )

    def signs(self) -> dict[str, tuple[int, dict[str, Any]]]:
        """Return each sign of life: name → (when, detail)."""
        return {
            name: (at_s, json.loads(detail)) for name, at_s, detail in self._db.execute("SELECT * FROM sign_of_life")
        }

    def expire(self, now_s: float) -> None:
        """Delete everything older than 14 days, and leave no copy of it in the file.

        Call it with trusted time only: a clock that jumps ahead would delete all.
        """
        limit_s = now_s - RETENTION_DAYS * DAY_S
        with self.transaction():
            self.contacts.delete_before(limit_s)
            self.keys.delete_before(limit_s)
            self.exposures.delete_before(limit_s)
            self.listening.delete_before(limit_s)
            self.sources.delete_before(limit_s)
        self._truncate_log()

    def _truncate_log(self) -> None:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Empty the write-ahead log into the file and close it; once more does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            self._truncate_log()
        finally:
            self._db.close()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except sqlite3.Error:
            if error is None:
                raise


class StateLock(AbstractContextManager["StateLock"]):
    """Held by the one process that broadcasts from a state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / LOCK_NAME
        self._fd = -1

    def __enter__(self) -> Self:
        """Take the lock; raises StateInUseError when another process holds it."""
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise StateInUseError(
                N_("another agent runs on {path}"),
                N_("stop it first, or give this one its own folder: --state-dir DIR"),
                path=self._path.parent,
            ) from error
        self._fd = fd
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def agent_runs(state_dir: Path) -> bool:
    """Return whether a process holds the lock of ``state_dir``."""
    if not (state_dir / LOCK_NAME).exists():
        return False
    try:
        with StateLock(state_dir):
            return False
    except StateInUseError:
        return True
