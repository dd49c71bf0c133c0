"""Brings a store to the present schema. It imports sqlite-utils, which only a new or an older store needs."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection

from bluezone_agent.stores.file.absent import absent
from bluezone_agent.stores.file.migrations import MIGRATION_SET, NAMES, RENAMED, STEPS, Step, applied
from bluezone_agent.stores.file.open import APPLICATION_ID

# sqlite-utils imports these where they are installed, to know types that no step uses: 80 MiB and seconds in a daemon
with absent("numpy", "pandas"):
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations


def migrate(db: Connection) -> None:
    """Apply the missing steps to a store, and record the resulting tables; all of it or nothing."""
    migrations = Migrations(MIGRATION_SET)
    for name, step in zip(NAMES, STEPS, strict=True):
        migrations(name=name)(_on_connection(step))
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        if applied(db):
            db.executemany(
                "UPDATE _sqlite_migrations SET name = ? WHERE name = ?", [(b, a) for a, b in RENAMED.items()]
            )
        migrations.apply(Database(db))
        db.execute("DELETE FROM layout")
        db.execute("INSERT INTO layout SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        # this program does not read it: it keeps versions up to d391bcf from taking a later store for a damaged one
        db.execute(f"PRAGMA user_version={len(STEPS)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _on_connection(step: Step) -> Callable[[Database], None]:
    """Return the step in the form that sqlite-utils calls."""

    def apply(database: Database) -> None:
        step(database.conn)

    return apply
