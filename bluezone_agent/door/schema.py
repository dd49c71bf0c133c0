"""The schema of a door's store, in steps: a step that was released is never changed."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection
from typing import Final

MIGRATION_SET: Final = "bluezone-agent door"


def m001_passages(db: Connection) -> None:
    """Make the first tables."""
    db.execute("""
CREATE TABLE passage (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    minute INTEGER NOT NULL,            -- since the Unix epoch
    utc_offset_min INTEGER NOT NULL,    -- of the door's own time
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    protocol TEXT,                      -- of the device; NULL: without one
    clock_trusted INTEGER NOT NULL
) STRICT
""")
    db.execute("CREATE INDEX passage_local ON passage (minute + utc_offset_min)")
    db.execute("""
CREATE TABLE label (
    passage_id INTEGER PRIMARY KEY,     -- passage(id)
    text TEXT NOT NULL
) STRICT
""")
    db.execute("""
CREATE TABLE threshold (
    id INTEGER PRIMARY KEY,
    radio TEXT NOT NULL,
    threshold_dbm INTEGER NOT NULL,
    near_dbm REAL NOT NULL,             -- median at 30 cm
    away_dbm REAL NOT NULL,             -- median at 1.5 m
    made_at_s INTEGER NOT NULL
) STRICT
""")


Step = Callable[[Connection], None]
STEPS: Final[tuple[Step, ...]] = (m001_passages,)
NAMES: Final = tuple(getattr(step, "__name__", "") for step in STEPS)


def applied(db: Connection) -> list[str]:
    """Return the names of the steps that a store has, none for a new one."""
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'").fetchone():
        return []
    rows = db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", (MIGRATION_SET,))
    return [row[0] for row in rows.fetchall()]
