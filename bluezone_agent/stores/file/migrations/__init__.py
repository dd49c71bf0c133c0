"""The steps that make the store's schema, in order: the one version that a store has.

sqlite-utils applies them and writes down the names of those that were applied; nothing else says which schema a store
has. A step that was released is never changed: what it made is changed by a later one, and every store that a commit of
the past wrote opens (tests/stores/test_every_schema.py). Add a step at the end of :data:`STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection
from typing import Final

from bluezone_agent.stores.file.migrations import claims, early_shapes, first, journal, owner, words

Step = Callable[[Connection], None]

STEPS: Final[tuple[Step, ...]] = (
    first.m001_contacts,
    first.m002_daily_keys,
    first.m003_exposures,
    first.m004_signs_of_life,
    first.m005_sources,
    first.m006_listening,
    first.m008_untrusted_time,
    first.m010_calibration,
    first.m011_seal,
    first.m012_pauses,
    first.m013_layout,
    early_shapes.m014_early_shapes,
    words.m015_words,
    journal.m016_journal,
    claims.m017_claims,
    claims.m018_owner,
    owner.m019_diary,
    owner.m020_channels,
)
NAMES: Final = tuple(getattr(step, "__name__", "") for step in STEPS)
RENAMED: Final = {"m014_words": "m015_words"}
"""Steps that had another name in some commits: a store with the old one has the step."""
MIGRATION_SET: Final = "bluezone-agent"


def applied(db: Connection) -> list[str]:
    """Return the names of the steps that a store has, none for a new one."""
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'").fetchone():
        return []
    rows = db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY rowid", (MIGRATION_SET,))
    return [RENAMED.get(row[0], row[0]) for row in rows.fetchall()]
