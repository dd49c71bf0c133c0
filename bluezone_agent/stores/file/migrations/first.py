"""The first steps of the store's schema, up to that of commit d391bcf (schema 11).

A table that :mod:`early_shapes` may have to make again has its text in a constant.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

CONTACT_MINUTE: Final = """
CREATE TABLE contact_minute (
    minute INTEGER NOT NULL,            -- since the Unix epoch
    beacon_id INTEGER NOT NULL,         -- beacon(id)
    count INTEGER NOT NULL,             -- adverts heard
    mean_cdbm INTEGER NOT NULL,         -- of the received power, in hundredths of a dBm
    min_dbm INTEGER NOT NULL,
    max_dbm INTEGER NOT NULL,
    histogram BLOB NOT NULL,            -- core.sightings.pack_histogram
    PRIMARY KEY (minute, beacon_id)
) STRICT, WITHOUT ROWID
"""
EXPOSURE: Final = """
CREATE TABLE exposure (
    id INTEGER PRIMARY KEY,
    key_digest TEXT NOT NULL UNIQUE,    -- SHA-256 of the published key
    protocol TEXT NOT NULL,
    report_type INTEGER NOT NULL CHECK (report_type BETWEEN 0 AND 5),
    days_since_onset INTEGER,
    found_at_s INTEGER NOT NULL
) STRICT
"""
EXPOSURE_MINUTE: Final = """
CREATE TABLE exposure_minute (
    exposure_id INTEGER NOT NULL,       -- exposure(id)
    minute INTEGER NOT NULL,
    attenuation_db REAL NOT NULL,
    count INTEGER NOT NULL,
    histogram BLOB NOT NULL,            -- of attenuation, packed as in contact_minute
    others INTEGER NOT NULL,            -- identifiers of others heard in the same minute
    stronger INTEGER NOT NULL,          -- how many of them were received more strongly
    weaker_by_db REAL NOT NULL,         -- by how much their mean RSSI was weaker
    PRIMARY KEY (exposure_id, minute)
) STRICT, WITHOUT ROWID
"""
WARNING: Final = """
CREATE TABLE warning (
    day_start_s INTEGER NOT NULL,
    degree TEXT NOT NULL,
    rule TEXT NOT NULL,
    rule_version INTEGER NOT NULL,
    near_minutes REAL NOT NULL,
    warned_at_s INTEGER NOT NULL,
    PRIMARY KEY (day_start_s, degree)
) STRICT
"""
SIGN_OF_LIFE: Final = """
CREATE TABLE sign_of_life (
    name TEXT PRIMARY KEY,
    at_s INTEGER NOT NULL,
    detail TEXT NOT NULL CHECK (json_valid(detail) AND json_type(detail) = 'object')
) STRICT
"""
SOURCE: Final = """
CREATE TABLE source (
    name TEXT PRIMARY KEY,
    tried_at_s INTEGER NOT NULL,
    complete_at_s INTEGER,              -- last check that read it to its end and believed every file
    -- why the last check did not read it to its end
    fault TEXT NOT NULL CHECK (fault = '' OR json_valid(fault)),
    believes_unsigned INTEGER NOT NULL,
    issued_at_s INTEGER,                -- of its signed index
    expires_at_s INTEGER,
    -- what it asked to be told at the next check
    notes TEXT NOT NULL CHECK (json_valid(notes) AND json_type(notes) = 'object')
) STRICT
"""
CASE_FILE: Final = """
CREATE TABLE case_file (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    tried_at_s INTEGER NOT NULL,
    digest TEXT NOT NULL,               -- SHA-256 of the signed bytes that were believed, empty for none
    published_at_s INTEGER,             -- as they say
    fetched_at_s INTEGER NOT NULL,      -- for the first time
    keys INTEGER NOT NULL,
    matched INTEGER NOT NULL,           -- keys that were heard
    -- reason, and how many keys were left out for it
    dropped TEXT NOT NULL CHECK (json_valid(dropped) AND json_type(dropped) = 'object'),
    settled INTEGER NOT NULL,           -- nothing in it can match any more
    -- why the last attempt brought nothing
    fault TEXT NOT NULL CHECK (fault = '' OR json_valid(fault)),
    UNIQUE (source, name)
) STRICT
"""
UNDATED: Final = """
CREATE TABLE undated (
    minute INTEGER NOT NULL,            -- of contact_minute: what the clock showed, which means nothing
    beacon_id INTEGER NOT NULL,
    boot INTEGER,                       -- boot(id)
    uptime_s INTEGER,                   -- when the minute began
    PRIMARY KEY (minute, beacon_id)
) STRICT, WITHOUT ROWID
"""
PAUSE: Final = """
CREATE TABLE pause (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    mode TEXT NOT NULL CHECK (mode IN ('paused', 'protected')), -- core.pauses.Pause, this and the rest
    lasts_s REAL NOT NULL,
    boot_id TEXT NOT NULL,
    ends_up_s REAL NOT NULL,
    ends_at_s REAL NOT NULL,
    believed INTEGER NOT NULL
) STRICT
"""


def m001_contacts(db: Connection) -> None:
    """Beacons and the minutes in which they were heard.

    No index leads from an identifier to its beacon: it would triple what the write path costs, and matching
    reads all identifiers anyway.
    """
    db.execute(
        """
        CREATE TABLE beacon (
            id INTEGER PRIMARY KEY,
            protocol TEXT NOT NULL,
            identifier BLOB NOT NULL,
            metadata BLOB NOT NULL
        ) STRICT
        """
    )
    db.execute(CONTACT_MINUTE)


def m002_daily_keys(db: Connection) -> None:
    """Our own keys. ``last_slot_s`` is committed before that slot's identifier goes on the air."""
    db.execute(
        """
        CREATE TABLE daily_key (
            id INTEGER PRIMARY KEY,
            protocol TEXT NOT NULL,
            data BLOB NOT NULL UNIQUE,
            starts_at_s INTEGER NOT NULL,
            ends_at_s INTEGER NOT NULL,
            slots_per_day INTEGER NOT NULL,
            last_slot_s INTEGER NOT NULL,       -- start of the newest slot that was on the air
            closed INTEGER NOT NULL DEFAULT 0,  -- never goes on the air again
            exportable INTEGER NOT NULL         -- made in trusted time
        ) STRICT
        """
    )


def m003_exposures(db: Connection) -> None:
    """Matched minutes, and what the owner was told."""
    db.execute(EXPOSURE)
    db.execute(EXPOSURE_MINUTE)
    db.execute(WARNING)


def m004_signs_of_life(db: Connection) -> None:
    """When each part of the agent last made progress, and its counts since it started."""
    db.execute(SIGN_OF_LIFE)


def m005_sources(db: Connection) -> None:
    """Sources of diagnosis keys, and their files with the verdict on each.

    Schema 4 had a table of files already, without the source's state: they are fetched and read once more.
    """
    db.execute("DROP TABLE IF EXISTS case_file")
    db.execute(SOURCE)
    db.execute(CASE_FILE)


def m006_listening(db: Connection) -> None:
    """When this device listened and when not, so that "no contact" and "not listening" differ."""
    db.execute(
        """
        CREATE TABLE listening (
            id INTEGER PRIMARY KEY,
            starts_at_s INTEGER NOT NULL,
            ends_at_s INTEGER NOT NULL,
            scan_mode TEXT NOT NULL,            -- the radio's, empty when it did not listen
            reason TEXT NOT NULL                -- why it did not: errors.RadioFault, else empty
        ) STRICT
        """
    )


def m008_untrusted_time(db: Connection) -> None:
    """Which minutes were heard before wall time was known, what dates them, and the courses of time followed."""
    db.execute(
        """
        CREATE TABLE boot (
            id INTEGER PRIMARY KEY,
            boot_id TEXT NOT NULL UNIQUE,       -- the kernel's
            over_at_s INTEGER                   -- trusted time by which it was over, NULL when not known yet
        ) STRICT
        """
    )
    db.execute(UNDATED)
    db.execute(
        """
        CREATE TABLE course (
            name TEXT PRIMARY KEY,              -- "believed", or "rival"
            boot_id TEXT NOT NULL,
            booted_at_s REAL NOT NULL,
            uptime_s REAL NOT NULL,
            high_water_s REAL NOT NULL,
            steady_s REAL NOT NULL              -- core.trusted_time.Course
        ) STRICT
        """
    )


def m010_calibration(db: Connection) -> None:
    """What was measured of this device's radio."""
    db.execute(
        """
        CREATE TABLE calibration (
            id INTEGER PRIMARY KEY,
            radio TEXT NOT NULL,                -- the radio's description
            antenna TEXT NOT NULL,              -- the operator's word, may be empty
            source TEXT NOT NULL,               -- "measured", or the table it comes from
            rssi_correction_db REAL NOT NULL,
            margin_db REAL,                     -- half width of the 95 % interval
            decade_db REAL,
            decade_margin_db REAL,
            packets INTEGER NOT NULL,
            made_at_s INTEGER NOT NULL,
            expires_at_s INTEGER NOT NULL
        ) STRICT
        """
    )


def m011_seal(db: Connection) -> None:
    """Whether the secrets of daily keys are sealed: not while this is empty."""
    db.execute(
        """
        CREATE TABLE seal (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            proof BLOB NOT NULL                 -- stores.vault: what the right passphrase opens
        ) STRICT
        """
    )


def m012_pauses(db: Connection) -> None:
    """What the owner has paused, and what was heard while they were protected."""
    db.execute(PAUSE)
    db.execute(
        """
        CREATE TABLE protected (
            minute INTEGER NOT NULL,            -- of contact_minute
            beacon_id INTEGER NOT NULL,
            PRIMARY KEY (minute, beacon_id)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("ALTER TABLE exposure_minute ADD COLUMN protected INTEGER NOT NULL DEFAULT 0")


def m013_layout(db: Connection) -> None:
    """What ``sqlite_schema`` says after the last step, by which damage to it is found: SQLite finds none."""
    db.execute(
        """
        CREATE TABLE layout (
            name TEXT PRIMARY KEY,
            sql TEXT NOT NULL
        ) STRICT
        """
    )
