"""Sources of diagnosis key files, and what became of each of their files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Final

from bluezone_agent.core.sightings import BootTime
from bluezone_agent.core.source_records import (
    AFTER_PUBLICATION,
    KeyFileRecord,
    SourceRecord,
    Verdict,
    packed_fault,
    unpacked_fault,
)
from bluezone_agent.errors import AgentError

MOST_REFUSED: Final = 1_000
"""Files of a source that are remembered although nothing of them was ever accepted."""
MOST_FILES: Final = 20_000
"""Files of a source that are remembered: twice what an index may list."""


class Sources:
    """What checks know of their sources."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._missing: dict[str, AgentError] = {}
        """Source → why the first of its files without a row could not be fetched."""

    def all(self) -> list[SourceRecord]:
        """Return all sources, by name."""
        return [_source(row) for row in self._db.execute("SELECT * FROM source ORDER BY name")]

    def source(self, name: str) -> SourceRecord | None:
        """Return a source, None if it was never tried."""
        row = self._db.execute("SELECT * FROM source WHERE name = ?", (name,)).fetchone()
        return _source(row) if row else None

    def record(self, source: SourceRecord) -> None:
        """Write a source's state, and forget its files beyond :data:`MOST_REFUSED` and :data:`MOST_FILES`.

        Forgotten files that it still lists are read again.
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
                packed_fault(source.fault or missing),
                source.accepts_unsigned,
                source.issued_at_s,
                source.expires_at_s,
                json.dumps(dict(source.notes)),
            ),
        )

    def forget_others(self, names: Iterable[str]) -> None:
        """Delete the sources that are not among ``names``; their files stay until they expire."""
        self._db.execute(
            "DELETE FROM source WHERE name NOT IN (SELECT value FROM json_each(?))", (json.dumps(list(names)),)
        )

    def files(self, source: str) -> list[KeyFileRecord]:
        """Return a source's files, in the order in which they first arrived."""
        return [
            _file(row) for row in self._db.execute("SELECT * FROM key_file WHERE source = ? ORDER BY id", (source,))
        ]

    def file(self, source: str, name: str) -> KeyFileRecord | None:
        """Return what became of a file, None if it was never tried."""
        row = self._db.execute("SELECT * FROM key_file WHERE source = ? AND name = ?", (source, name)).fetchone()
        return _file(row) if row else None

    def leaves_out_later_keys(self) -> bool:
        """Return whether an accepted file has keys that start after its own date of publication."""
        return bool(
            self._db.execute(
                "SELECT 1 FROM key_file, json_each(dropped) AS d"
                " WHERE fault = '' AND d.key = ? AND d.value > 0 LIMIT 1",
                (AFTER_PUBLICATION,),
            ).fetchone()
        )

    def record_file(self, record: KeyFileRecord) -> None:
        """Write a file's verdict; ``fetched_at_s`` stays while its contents do.

        A file that was never fetched leaves no row, because an index may list any number of them: its source states
        why, when that is recorded next.
        """
        if record.fault and record.verdict is Verdict.MISSING and self.file(record.source, record.name) is None:
            self._missing.setdefault(record.source, record.fault)
            return
        self._db.execute(
            """
            INSERT INTO key_file (source, name, tried_at_s, digest, published_at_s, fetched_at_s, keys, matched,
                                   dropped, final, fault, fetched_boot_id, fetched_uptime_s)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (source, name) DO UPDATE SET
                fetched_boot_id = iif(digest = excluded.digest, fetched_boot_id, excluded.fetched_boot_id),
                fetched_uptime_s = iif(digest = excluded.digest, fetched_uptime_s, excluded.fetched_uptime_s),
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
                packed_fault(record.fault),
                *(record.fetched_in or (None, None)),
            ),
        )

    def reread(self, fetched_since_s: float = 0) -> None:
        """Have the next check read again the files that were fetched since: there is more to compare them with."""
        self._db.execute("UPDATE key_file SET final = 0 WHERE final AND fetched_at_s >= ?", (int(fetched_since_s),))

    def date(self, boot_id: str, booted_at_s: float, now_s: float) -> None:
        """Date the files that were fetched in this boot before time was known.

        ``booted_at_s`` is the wall time at uptime 0. Files of a former boot were fetched by ``now_s``; no more is
        known.
        """
        self._db.execute(
            "UPDATE key_file SET fetched_at_s = iif(fetched_boot_id = ?, CAST(fetched_uptime_s + ? AS INTEGER), ?),"
            " fetched_boot_id = NULL, fetched_uptime_s = NULL WHERE fetched_boot_id NOT NULL",
            (boot_id, booted_at_s, int(now_s)),
        )
        for table in ("key_file", "source"):  # from a clock that was ahead
            self._db.execute(
                f"UPDATE {table} SET tried_at_s = ? WHERE tried_at_s > ?",  # noqa: S608
                (int(now_s), int(now_s)),
            )

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
            "fault": unpacked_fault(values["fault"]),
            "accepts_unsigned": bool(values["accepts_unsigned"]),
            "notes": json.loads(values["notes"]),
        }
    )


def _file(row: sqlite3.Row) -> KeyFileRecord:
    values = dict(row)
    del values["id"]
    boot_id, uptime_s = values.pop("fetched_boot_id"), values.pop("fetched_uptime_s")
    return KeyFileRecord(
        **values
        | {
            "dropped": json.loads(values["dropped"]),
            "final": bool(values["final"]),
            "fault": unpacked_fault(values["fault"]),
            "fetched_in": None if boot_id is None else BootTime(boot_id, uptime_s),
        }
    )
