"""Signs of life become records of the typed journal; tokens of key servers get a table of their own."""

from __future__ import annotations

import json
from sqlite3 import Connection

from bluezone_agent.stores.file.migrations.old_records import journal_records, submission_tokens


def m016_journal(db: Connection) -> None:
    """A typed journal, and the tokens of key servers in a table of their own."""
    db.execute(
        """
        CREATE TABLE journal (
            kind TEXT PRIMARY KEY,              -- core.journal
            version INTEGER NOT NULL,
            at_s INTEGER NOT NULL,
            record TEXT NOT NULL CHECK (json_valid(record) AND json_type(record) = 'object')
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE submission_token (
            server TEXT NOT NULL,               -- its address, empty where an older version did not keep it
            kind TEXT NOT NULL CHECK (kind IN ('verification', 'revision')),
            token TEXT NOT NULL,
            expires_at_s INTEGER NOT NULL,
            PRIMARY KEY (server, kind)
        ) STRICT
        """
    )
    rows = db.execute("SELECT name, at_s, detail FROM sign_of_life").fetchall()
    old = {name: (at_s, json.loads(detail)) for name, at_s, detail in rows}
    db.executemany("INSERT INTO journal VALUES (?, 1, ?, ?)", journal_records(old))
    db.executemany("INSERT INTO submission_token VALUES ('', ?, ?, ?)", submission_tokens(old))
    db.execute("DROP TABLE sign_of_life")
