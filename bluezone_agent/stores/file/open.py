"""Opening the one SQLite file: its pragmas, its identity, its schema."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_, StoreDamagedError, StoreError, StoreWriteError
from bluezone_agent.stores.file.connection import connect
from bluezone_agent.stores.file.migrations import NAMES, applied

FILE_NAME: Final = "agent.db"
DOOR_FILE_NAME: Final = "door.db"
"""What is kept of a door has a file of its own (door.store)."""
OWN_FILES: Final = ("agent.*", "door.*")
OTHERS: Final = 0o077
"""Mode bits that give other users access to a file."""
APPLICATION_ID: Final = 0x425A4147
"""``BZAG`` in the file's header: it identifies this program's files."""
WRITE_VERSION: Final = 18
"""The header's field for which versions may write the file (SQLite's file format, section 1.3.3)."""
WAL_VERSION: Final = 2
PAGE_SIZE: Final = 1024
"""A minute changes few bytes of a few pages, and every changed page is written completely: 1024 costs half of what 4096
costs per day."""
LOG_PAGES: Final = 4000
"""Length of the log at which it is moved into the file, so that a page that changes often is written there once."""
UNIQUE: Final = re.compile(r"\s*CREATE\s+UNIQUE\b", re.IGNORECASE)
OWN_UNIQUE: Final = frozenset({"idx__sqlite_migrations_migration_set_name"})
NO_TEXT: Final = "Could not decode to UTF-8"
"""The beginning of Python's sqlite3 message for an invalid text: the only sign of it."""
OF_THE_DISK: Final = (
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_PERM",
    "SQLITE_BUSY",
    "SQLITE_PROTOCOL",
    "SQLITE_NOMEM",
)
"""Codes, and beginnings of codes, of errors that may be temporary."""


def open_database(state_dir: Path) -> sqlite3.Connection:
    """Open, or create, the store in ``state_dir``.

    WAL with synchronous=FULL loses no committed row in a power cut; secure_delete=on and TRUNCATE checkpoints leave no
    deleted row in the files (both measured, docs/store.md). Raises StoreError when the folder can't be written to or
    the file is another program's, StoreDamagedError when it is damaged or a later version's, StoreWriteError when the
    disk fails; in all these cases nothing in it was changed.
    """
    path = state_dir / FILE_NAME
    make_private(state_dir)
    try:
        with exclusively(state_dir):
            db = _connect(path)
            try:
                require_ours(db, path)
                configure(db)
                steps = applied(db)
                if steps and len(steps) < len(NAMES):
                    _require_whole(db, path)  # the record of the tables from now on has to be right
                if len(steps) < len(NAMES):
                    bring_up_to_date(db)
            except BaseException:
                db.close()
                raise
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _opening_error(path, error) from error
    return db


def require_sound(state_dir: Path) -> None:
    """Read the whole file, if there is one; raises StoreDamagedError when it is damaged or a later version's."""
    path = state_dir / FILE_NAME
    if not path.exists():
        return
    with closing(open_database(state_dir)) as db:
        _require_whole(db, path)
    with path.open("rb") as file:
        if file.read(WRITE_VERSION + 1)[-1] > WAL_VERSION:
            raise _damaged(path, "write version")  # SQLite would open it read-only


def _require_whole(db: sqlite3.Connection, path: Path) -> None:
    try:
        found = flaw(db)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _opening_error(path, error) from error
    if found:
        raise _damaged(path, found)


def flaw(db: sqlite3.Connection) -> str:
    """Read all of an existing store; return what is wrong with it, or nothing.

    Raises DatabaseError or UnicodeDecodeError if damage keeps it from being read.
    """
    found: str = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        return found
    if has_layout(db) and _other_tables(db):
        return "sqlite_schema"  # an intact file with other tables
    _read_texts(db)
    return ""


def has_layout(db: sqlite3.Connection) -> bool:
    """Return whether the store has recorded its tables: those before schema 11 have not."""
    return db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'layout'").fetchone() is not None


def _other_tables(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT name, sql FROM layout EXCEPT SELECT name, sql FROM sqlite_schema").fetchone() is not None


def _read_texts(db: sqlite3.Connection) -> None:
    """Read every distinct text, because SQLite accepts invalid UTF-8; raises OperationalError."""
    texts = db.execute(
        "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c"
        " WHERE t.type = 'table' AND c.type = 'TEXT'"
    )
    for table, column in texts.fetchall():
        db.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall()  # noqa: S608 - the program's own names


def make_private(state_dir: Path) -> list[Path]:
    """Create the state directory with access only for its owner; return files in it that others could access until now.

    Raises StoreError when it can't be created or written to, or when others have access to it or to a file in it.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            N_("can't create the state directory {path}: {reason}"),
            N_(
                "choose one that you can write to: --state-dir DIR; a service creates its own when it starts:"
                " systemctl start bluezone-agent"
            ),
            path=state_dir,
            reason=error.strerror,
        ) from error
    if not os.access(state_dir, os.W_OK | os.X_OK):
        raise StoreError(
            N_("can't write to the state directory {path}"),
            N_("choose one that you can write to: --state-dir DIR, or run as the user that owns it"),
            path=state_dir,
        )
    mode = _mode_of_own(state_dir)
    if mode & OTHERS:  # not narrowed, because it may be a folder that others need
        raise StoreError(
            N_("other users have access to the state directory {path} (mode {mode}), which holds keys and contacts"),
            N_('run "chmod 700 {path}", or choose a separate folder: --state-dir DIR'),
            path=state_dir,
            mode=f"{mode:03o}",
        )
    return [path for names in OWN_FILES for path in state_dir.glob(names) if _narrowed(path)]


def _narrowed(path: Path) -> bool:
    """Restrict a file to its owner; return whether others had access."""
    with suppress(FileNotFoundError):  # SQLite's logs come and go
        mode = 0 if path.is_symlink() else _mode_of_own(path)
        if mode & OTHERS:
            path.chmod(mode & ~OTHERS)
            return True
    return False


def _mode_of_own(path: Path) -> int:
    about = path.stat()
    if about.st_uid != os.geteuid():
        raise StoreError(
            N_("{path} belongs to another user (uid {uid})"),
            N_("run this as the user that runs the agent, or choose a folder of your own: --state-dir DIR"),
            path=path,
            uid=about.st_uid,
        )
    return stat.S_IMODE(about.st_mode)


@contextmanager
def exclusively(state_dir: Path) -> Iterator[None]:
    """Make other processes that open the same store wait: of two that create it, one would find it incomplete."""
    fd = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return connect(str(path))


def require_ours(db: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError for another program's file, StoreDamagedError for a later version's; ``path`` names it."""
    empty = _pragma(db, "schema_version") == 0
    if not empty and _pragma(db, "application_id") != APPLICATION_ID:
        if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'daily_key'").fetchone():
            raise _damaged(path, "application_id")
        raise StoreError(
            N_("{path} is the SQLite file of another program"),
            N_("move it away, or choose another folder: --state-dir DIR; nothing in it was changed"),
            path=path,
        )
    later = [name for name in applied(db) if name not in NAMES]
    if later:
        raise StoreDamagedError(
            N_("{path} was written by a newer bluezone-agent (schema {found}; this version knows {known})"),
            N_("install that version again; nothing in the file was changed"),
            path=path,
            found=later[-1],
            known=NAMES[-1],
        )
    _require_nothing_added(db, path)


def _require_nothing_added(db: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError for anything that could change or suppress writes, such as a trigger: the store has none."""
    for kind, name, sql in db.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall():
        is_rule = kind == "index" and UNIQUE.match(str(sql)) and name not in OWN_UNIQUE
        if kind in ("trigger", "view") or is_rule:
            raise StoreError(
                N_('{path} has a {kind} "{name}" that bluezone-agent did not create: it may change the stored data'),
                N_(
                    "if you created it, run: sqlite3 '{path}' 'DROP {statement} \"{name}\"'; otherwise the "
                    "store was tampered with"
                ),
                path=path,
                kind="unique index" if is_rule else kind,
                statement=kind.upper(),
                name=name,
            )


def configure(db: sqlite3.Connection) -> None:
    """Set what :func:`open_database` promises of a connection that writes."""
    db.execute(f"PRAGMA page_size={PAGE_SIZE}")  # works only while the file is empty
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA secure_delete=on")


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Bring a new or an older store to the present schema."""
    from bluezone_agent.stores.file.migrate import migrate  # noqa: PLC0415 - 60 ms that a store of today does not need

    migrate(db)


def _pragma(db: sqlite3.Connection, name: str) -> int:
    value: int = db.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _opening_error(path: Path, error: sqlite3.DatabaseError | UnicodeDecodeError) -> Exception:
    """Return what an error means for statements known to be right: even SQLite's words may be damaged."""
    found = store_error(path, error) if isinstance(error, sqlite3.DatabaseError) else error
    return _damaged(path, error) if found is error else found


def store_error(path: Path, error: sqlite3.DatabaseError) -> Exception:
    """Return what an error of SQLite means for the store's user; the error itself if it is a bug in this program.

    StoreDamagedError: the file has to be quarantined. StoreWriteError: the disk is full, fails, or accepts no writes
    now.
    """
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_NOTADB":
        return StoreDamagedError(
            N_("{path} is not a SQLite file"),
            N_("move it away, or choose another folder: --state-dir DIR; nothing in it was changed"),
            path=path,
        )
    if name.startswith("SQLITE_CORRUPT") or (not name and str(error).startswith(NO_TEXT)):
        return _damaged(path, error)
    if name.startswith(OF_THE_DISK):
        return StoreWriteError(
            N_("the store {path} can't be written or read now: {reason}"),
            N_("check the disk: is it full, read-only or failing? Nothing in the file was deleted"),
            path=path,
            reason=error,
        )
    return error


def _damaged(path: Path, reason: object) -> StoreDamagedError:
    return StoreDamagedError(
        N_("the store {path} is damaged: {reason}"),
        N_('"bluezone-agent run" quarantines it, keeps the keys that can be read, and starts a new store'),
        path=path,
        reason=reason,
    )
