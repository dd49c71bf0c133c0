"""A complete store in memory, independent of any file: the contents of a backup."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_, StoreDamagedError, StoreWriteError
from bluezone_agent.files import create, sync_folder
from bluezone_agent.stores.contacts import Contacts
from bluezone_agent.stores.file.connection import MEMORY, connect
from bluezone_agent.stores.file.image import load
from bluezone_agent.stores.file.open import FILE_NAME, bring_up_to_date, exclusively, flaw, require_ours
from bluezone_agent.stores.journal import StoredJournal
from bluezone_agent.stores.keys import OwnKeys
from bluezone_agent.stores.pauses import Pauses
from bluezone_agent.stores.submission_tokens import SubmissionTokens

NEW: Final = f"{FILE_NAME}.new"
"""The name of a store that is being installed."""


class Snapshot(AbstractContextManager["Snapshot"]):
    """A store in memory. Changes to it affect no file until it is written."""

    def __init__(self, data: bytes | bytearray, path: Path) -> None:
        """``data`` are a store's bytes, which must not be used afterwards if mutable; ``path`` names them in errors.

        Raises StoreError when they are not an intact store, or a later version's.
        """
        self._db = connect(MEMORY)
        try:
            load(self._db, data)
            require_ours(self._db, path)
            found = flaw(self._db)
            if found:
                raise _unsound(path, found)
            bring_up_to_date(self._db)
            SubmissionTokens(self._db).delete_all()  # from a backup that an older version made
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._db.close()
            raise _unsound(path, error) from error
        except BaseException:
            self._db.close()
            raise
        self.contacts = Contacts(self._db)
        self.journal = StoredJournal(self._db)
        self.keys = OwnKeys(self._db)
        self.pauses = Pauses(self._db)

    def put(self, state_dir: Path) -> None:
        """Make this the store of ``state_dir``, atomically replacing the present one; raises StoreWriteError.

        Only the holder of the state's lock may call this.
        """
        new = state_dir / NEW
        try:
            with exclusively(state_dir):
                new.unlink(missing_ok=True)
                create(new, self._db.serialize())
                for suffix in ("-wal", "-shm"):  # of the replaced store
                    (state_dir / f"{FILE_NAME}{suffix}").unlink(missing_ok=True)
                new.rename(state_dir / FILE_NAME)
                sync_folder(state_dir)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise StoreWriteError(
                N_("the store {path} can't be written or read now: {reason}"),
                N_("check the disk: is it full, read-only or failing? Nothing in the file was deleted"),
                path=state_dir / FILE_NAME,
                reason=error.strerror,
            ) from error

    def __exit__(self, *_: object) -> None:
        self._db.close()


def _unsound(path: Path, reason: object) -> StoreDamagedError:
    return StoreDamagedError(
        N_("{path} does not contain an intact store: {reason}"), N_("nothing was changed"), path=path, reason=reason
    )
