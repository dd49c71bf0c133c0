"""What SQLite sorts is in memory, at every connection that the program makes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bluezone_agent.stores.file.connection import MEMORY, connect
from bluezone_agent.stores.store import Store

SORT = (
    "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000)"
    " SELECT randomblob(64) AS b FROM n ORDER BY b"
)
"""6 MB, more than SQLite's cache holds."""


def temporary_files(db: sqlite3.Connection) -> list[str]:
    """Return the files that SQLite has open for a large sort while its rows are fetched; their names are gone."""
    rows = db.execute(SORT)
    rows.fetchone()
    targets = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [target for target in targets if "etilqs" in target]


def test_a_large_sort_makes_a_file_where_nobody_forbids_it() -> None:
    with closing(sqlite3.connect(MEMORY)) as db:
        assert len(temporary_files(db)) > 0


@pytest.mark.parametrize("database", ["file", MEMORY])
def test_a_large_sort_of_ours_makes_none(tmp_path: Path, database: str) -> None:
    with closing(connect(str(tmp_path / "x.db") if database == "file" else database)) as db:
        assert temporary_files(db) == []


def test_nor_does_one_of_the_store(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        assert temporary_files(store._db) == []
