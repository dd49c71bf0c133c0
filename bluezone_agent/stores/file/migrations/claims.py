"""Facts in place of verdicts: who published a key and when, in which zone a device was, and which notices wait."""

from __future__ import annotations

from hashlib import sha256
from sqlite3 import Connection
from typing import Final

KEY_LENGTHS: Final = (16, 32)
"""Bytes of a daily key, of either protocol; an encrypted one is longer."""


def m017_claims(db: Connection) -> None:
    """Each publication of a received key by itself, so that what counts can be judged whenever it is read.

    What older versions found has the publisher ''. Their files are read once more, which names it.
    """
    db.execute(
        """
        CREATE TABLE publication (
            exposure_id INTEGER NOT NULL,       -- exposure(id)
            signer TEXT NOT NULL,               -- who published it: stores.exposures.Publication
            report_type INTEGER NOT NULL CHECK (report_type BETWEEN 0 AND 5),
            days_since_onset INTEGER,
            published_at_s INTEGER,             -- by the signer's earliest file that has it, as that says
            verified_at_s INTEGER NOT NULL,     -- when the first such file was verified here
            PRIMARY KEY (exposure_id, signer)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute(
        # what was found counted whatever the clock showed then
        "INSERT INTO publication SELECT id, '', report_type, days_since_onset, NULL, max(found_at_s, ifnull((SELECT"
        " (max(minute) + 1) * 60 FROM exposure_minute WHERE exposure_id = exposure.id), 0)) FROM exposure ORDER BY id"
    )
    db.execute("ALTER TABLE exposure RENAME TO before")
    db.execute(
        """
        CREATE TABLE exposure (
            id INTEGER PRIMARY KEY,
            key_digest TEXT NOT NULL UNIQUE,    -- SHA-256 of the published key
            protocol TEXT NOT NULL,
            found_at_s INTEGER NOT NULL
        ) STRICT
        """
    )
    db.execute("INSERT INTO exposure SELECT id, key_digest, protocol, found_at_s FROM before")
    db.execute("DROP TABLE before")
    db.execute("UPDATE key_file SET final = 0")


def m018_owner(db: Connection) -> None:
    """The owner's days, what the owner has to be told, keys of the owner, and files fetched in unknown time."""
    # of the zone when the span began, seconds east of UTC; NULL where an older version did not keep it
    db.execute("ALTER TABLE listening ADD COLUMN utc_offset_s INTEGER")
    db.execute("ALTER TABLE warning RENAME TO before")
    db.execute(
        """
        CREATE TABLE warning (
            day TEXT NOT NULL,                  -- YYYY-MM-DD, the owner's
            degree TEXT NOT NULL,
            rule TEXT NOT NULL,
            rule_version INTEGER NOT NULL,
            near_minutes REAL NOT NULL,
            warned_at_s INTEGER NOT NULL,
            PRIMARY KEY (day, degree)
        ) STRICT
        """
    )
    db.execute(
        "INSERT INTO warning SELECT date(day_start_s, 'unixepoch'), degree, rule, rule_version, near_minutes,"
        " warned_at_s FROM before WHERE date(day_start_s, 'unixepoch') NOT NULL"
    )
    db.execute("DROP TABLE before")
    db.execute(
        """
        CREATE TABLE notice (
            id INTEGER PRIMARY KEY,
            title TEXT NOT NULL,
            body TEXT NOT NULL,                 -- empty once it was delivered
            created_at_s INTEGER NOT NULL,
            delivered_at_s INTEGER,
            attempts INTEGER NOT NULL,
            next_try_at_s INTEGER NOT NULL,
            failure TEXT NOT NULL               -- why the last attempt failed
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE own_key_digest (
            key_digest TEXT PRIMARY KEY,        -- SHA-256, readable also where the key itself is encrypted
            ends_at_s INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """
    )
    readable = [
        (sha256(data).hexdigest(), ends_at_s)
        for data, ends_at_s in db.execute("SELECT data, ends_at_s FROM daily_key").fetchall()
        if len(data) in KEY_LENGTHS
    ]
    db.executemany("INSERT INTO own_key_digest VALUES (?, ?) ON CONFLICT DO NOTHING", readable)
    # of a file that was fetched in unknown time: its boot, and how long that had lasted
    db.execute("ALTER TABLE key_file ADD COLUMN fetched_boot_id TEXT")
    db.execute("ALTER TABLE key_file ADD COLUMN fetched_uptime_s INTEGER")
