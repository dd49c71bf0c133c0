"""Tables that earlier commits made in another shape under the same name of a step.

Up to schema 10 steps were edited in place when a table changed. So a store of that time has every step's name and yet
other columns; what each commit of the past wrote is kept as test data (tests/data/stores).
"""

from __future__ import annotations

from sqlite3 import Connection

from bluezone_agent.stores.file.migrations import first


def m014_early_shapes(db: Connection) -> None:
    """Give every table the shape of schema 11, with all it holds."""
    if columns(db, "observed_identifier"):
        return  # of a commit that had given the tables their names of today already
    if "mean_cdbm" not in columns(db, "contact_minute"):
        _contact_minutes(db)
    if "histogram" not in columns(db, "exposure_minute"):
        unknown = {"histogram": "x''", "others": "0", "stronger": "0", "weaker_by_db": "0.0"}
        protected = "protected INTEGER NOT NULL DEFAULT 0,"
        _make_again(db, "exposure_minute", first.EXPOSURE_MINUTE.replace("PRIMARY", f"{protected} PRIMARY"), unknown)
    if "rule_version" not in columns(db, "warning"):
        _make_again(db, "warning", first.WARNING, {"rule_version": "1"})
    for table, text in (
        ("exposure", first.EXPOSURE),
        ("sign_of_life", first.SIGN_OF_LIFE),
        ("source", first.SOURCE),
        ("case_file", first.CASE_FILE),
        ("pause", first.PAUSE),
    ):
        if "CHECK (" not in _text(db, table).replace("CHECK (id = 1)", ""):
            _make_again(db, table, text, {})


def _contact_minutes(db: Connection) -> None:
    """Means in hundredths of a dBm, and minutes of unknown time in a table of their own."""
    had = columns(db, "contact_minute")
    if not columns(db, "undated"):
        db.execute(first.UNDATED)
    boot, uptime_s = ("boot", "uptime_s") if "boot" in had else ("NULL", "NULL")
    db.execute(
        f"INSERT INTO undated SELECT minute, beacon_id, {boot}, {uptime_s} FROM contact_minute WHERE NOT trusted"  # noqa: S608
    )
    _make_again(db, "contact_minute", first.CONTACT_MINUTE, {"mean_cdbm": "CAST(round(mean_dbm * 100) AS INTEGER)"})


def _make_again(db: Connection, table: str, text: str, expressions: dict[str, str]) -> None:
    """Make ``table`` by ``text`` and copy its rows; ``expressions`` over the old columns fill those that are new."""
    db.execute(f"ALTER TABLE {table} RENAME TO before")
    db.execute(text)
    names = columns(db, table)
    values = ", ".join(expressions.get(name, name) for name in names)
    db.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM before")  # noqa: S608 - names of our own
    db.execute("DROP TABLE before")


def columns(db: Connection, table: str) -> list[str]:
    """Return the names of a table's columns, none for a table that is not there."""
    return [name for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()]


def _text(db: Connection, table: str) -> str:
    row = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    return "" if row is None else str(row[0])
