"""Sources of case files, and what became of each of their files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Final

from bluezone_agent.core.source_records import KeyFileRecord, SourceRecord, Verdict
from bluezone_agent.errors import (
    N_,
    AgentError,
    BadSignatureError,
    CertificateDatesError,
    KeyFileError,
    KeySourceError,
)

MOST_REFUSED: Final = 1_000
"""Files of a source that are remembered though nothing of them was ever accepted."""
MOST_FILES: Final = 20_000
"""Files of a source that are remembered: twice what an index may list."""
KINDS: Final = (BadSignatureError, KeyFileError, CertificateDatesError, KeySourceError)
FAULTS: Final = {kind.__name__: kind for kind in KINDS}
"""Errors that are kept, by the name under which they are; the first that fits."""


class Sources:
    """What checks know of their sources."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._missing: dict[str, AgentError] = {}
        """Source → why the first of its files that left no row could not be had."""

    def all(self) -> list[SourceRecord]:
        """Return every source, by name."""
        return [_source(row) for row in self._db.execute("SELECT * FROM source ORDER BY name")]

    def source(self, name: str) -> SourceRecord | None:
        """Return a source, None when it was never tried."""
        row = self._db.execute("SELECT * FROM source WHERE name = ?", (name,)).fetchone()
        return _source(row) if row else None

    def record(self, source: SourceRecord) -> None:
        """Write a source's state, and forget what is beyond :data:`MOST_REFUSED` and :data:`MOST_FILES` of its files.

        What is forgotten of those that it still lists is read again.
        """
        missing = self._missing.pop(source.name, None)
        for condition, most in (("digest = ''", MOST_REFUSED), ("1", MOST_FILES)):
            self._db.execute(
                f"DELETE FROM key_file WHERE id IN (SELECT id FROM key_file WHERE source = ? AND {condition}"  # noqa: S608
                " ORDER BY id DESC LIMIT -1 OFFSET ?)",
                (source.name, most),
            )
        self._db.execute(
            "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                source.name,
                source.tried_at_s,
                source.complete_at_s,
                _packed(source.fault or missing),
                source.accepts_unsigned,
                source.issued_at_s,
                source.expires_at_s,
                json.dumps(dict(source.notes)),
            ),
        )

    def forget_others(self, names: Iterable[str]) -> None:
        """Delete the sources that are not among ``names``; their files stay for their time."""
        self._db.execute(
            "DELETE FROM source WHERE name NOT IN (SELECT value FROM json_each(?))", (json.dumps(list(names)),)
        )

    def files(self, source: str) -> list[KeyFileRecord]:
        """Return a source's files, in the order in which they first came."""
        return [
            _file(row) for row in self._db.execute("SELECT * FROM key_file WHERE source = ? ORDER BY id", (source,))
        ]

    def file(self, source: str, name: str) -> KeyFileRecord | None:
        """Return what became of a file, None when it was never tried."""
        row = self._db.execute("SELECT * FROM key_file WHERE source = ? AND name = ?", (source, name)).fetchone()
        return _file(row) if row else None

    def record_file(self, record: KeyFileRecord) -> None:
        """Write a file's verdict; ``fetched_at_s`` stays while its contents do.

        One that could not be had and never was leaves no row, for whoever serves an index may list any number: its
        source says why, when that is recorded next.
        """
        if record.fault and record.verdict is Verdict.MISSING and self.file(record.source, record.name) is None:
            self._missing.setdefault(record.source, record.fault)
            return
        self._db.execute(
            """
            INSERT INTO key_file (source, name, tried_at_s, digest, published_at_s, fetched_at_s, keys, matched,
                                   dropped, final, fault)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (source, name) DO UPDATE SET
                fetched_at_s = iif(digest = excluded.digest, fetched_at_s, excluded.fetched_at_s),
                tried_at_s = excluded.tried_at_s, digest = excluded.digest, published_at_s = excluded.published_at_s,
                keys = excluded.keys, matched = excluded.matched, dropped = excluded.dropped,
                final = excluded.final, fault = excluded.fault
            """,
            (
                record.source,
                record.name,
                record.tried_at_s,
                record.digest,
                record.published_at_s,
                record.fetched_at_s,
                record.keys,
                record.matched,
                json.dumps(dict(record.dropped)),
                record.final,
                _packed(record.fault),
            ),
        )

    def unsettle(self) -> None:
        """Have the next check read every file again: there is more to compare it with."""
        self._db.execute("UPDATE key_file SET final = 0 WHERE final")

    def delete_before(self, unix_s: float) -> None:
        """Delete files fetched, or only tried, before ``unix_s``, and sources not tried since."""
        limit_s = int(unix_s)
        self._db.execute("DELETE FROM key_file WHERE iif(digest = '', tried_at_s, fetched_at_s) < ?", (limit_s,))
        self._db.execute("DELETE FROM source WHERE tried_at_s < ?", (limit_s,))


def _source(row: sqlite3.Row) -> SourceRecord:
    values = dict(row)
    return SourceRecord(
        **values
        | {
            "fault": _unpacked(values["fault"]),
            "accepts_unsigned": bool(values["accepts_unsigned"]),
            "notes": json.loads(values["notes"]),
        }
    )


def _file(row: sqlite3.Row) -> KeyFileRecord:
    values = dict(row)
    del values["id"]
    return KeyFileRecord(
        **values
        | {
            "dropped": json.loads(values["dropped"]),
            "final": bool(values["final"]),
            "fault": _unpacked(values["fault"]),
        }
    )


def _packed(fault: AgentError | None) -> str:
    """Return an error as JSON that a person of any language can be told later, nothing for none."""
    if fault is None:
        return ""
    fields = {name: value if isinstance(value, int) else str(value) for name, value in fault.fields.items()}
    kind = next(name for name, kind in FAULTS.items() if isinstance(fault, kind))
    return json.dumps([kind, fault.message, fault.hint, fields])


def _unpacked(text: str) -> AgentError | None:
    if not text:
        return None
    try:
        kind, message, hint, fields = json.loads(text)
        return FAULTS[kind](message, hint, **fields)
    except (LookupError, ValueError, TypeError, AttributeError):  # of another version, or damaged
        return KeyFileError(N_("a reason that this version does not know: {reason}"), reason=text)
