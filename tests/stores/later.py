"""A store as a later version would have made it."""

from __future__ import annotations

import sqlite3

from bluezone_agent.stores.file.migrations import MIGRATION_SET


def made_later(db: sqlite3.Connection) -> None:
    """Write down a step of the schema that this version does not know."""
    db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, 'm999_later', '2030-01-01')",
        (MIGRATION_SET,),
    )
