"""Brings a door's store to the present schema. It imports sqlite-utils, which only a new or an older store needs."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection

from bluezone_agent.door.schema import MIGRATION_SET, NAMES, STEPS, Step
from bluezone_agent.stores.file.absent import absent
from bluezone_agent.stores.file.open import APPLICATION_ID

# as in stores.file.migrate
with absent("numpy", "pandas"):
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations


def migrate(db: Connection) -> None:
    """Apply the missing steps; all of them or none."""
    migrations = Migrations(MIGRATION_SET)
    for name, step in zip(NAMES, STEPS, strict=True):
        migrations(name=name)(_on_connection(step))
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        migrations.apply(Database(db))
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
