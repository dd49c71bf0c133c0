"""What the owner writes, and which channels have delivered a notice."""

from __future__ import annotations

from sqlite3 import Connection


def m019_diary(db: Connection) -> None:
    """Lines that the owner wrote about a day."""
    db.execute(
        """
        CREATE TABLE diary (
            id INTEGER PRIMARY KEY,
            day TEXT NOT NULL,                  -- YYYY-MM-DD, the owner's
            text TEXT NOT NULL,                 -- core.diary
            written_at_s INTEGER NOT NULL
        ) STRICT
        """
    )


def m020_channels(db: Connection) -> None:
    """Which channels have delivered a notice that others have not delivered yet."""
    db.execute(
        """
        CREATE TABLE notice_delivery (
            notice_id INTEGER NOT NULL,         -- notice(id)
            channel TEXT NOT NULL,              -- its name, without any secret of its address
            delivered_at_s INTEGER NOT NULL,
            PRIMARY KEY (notice_id, channel)
        ) STRICT, WITHOUT ROWID
        """
    )
