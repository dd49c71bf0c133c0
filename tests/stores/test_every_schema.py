"""An update keeps every contact, key, exposure, pause and calibration of every store that a commit ever wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.stores.file.migrate import migrate
from bluezone_agent.stores.file.migrations import NAMES, applied
from bluezone_agent.stores.file.open import FILE_NAME, require_sound
from bluezone_agent.stores.file.recover import open_or_recover
from bluezone_agent.stores.file.snapshot import Snapshot
from bluezone_agent.stores.store import Store
from tests.shared import shared_file
from tests.stores.past import SCHEMAS, written_at

PASSPHRASE: Final = "correct horse battery"


def old_rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the old program wrote, each table's rows without the columns that only came later."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in there}


def seen(store: Store) -> dict[str, Any]:
    """Return what the store shows of everything that an update must keep."""
    minutes = [m for ids in (store.contacts.identifiers(p)[0] for p in ("gaen", "bluezone")) for m in ids]
    return {
        "minutes": sorted(store.contacts.minutes_of(minutes), key=lambda m: (m.minute, m.observed)),
        "keys": store.keys.listed(),
        "exposures": store.exposures.matched(),
        "warned": store.exposures.warned(),
        "spans": store.listening.since(0),
        "calibrations": store.calibrations.all(),
        "pause": store.pauses.current(),
    }


def test_every_schema_is_here() -> None:
    assert len(SCHEMAS) == 14


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_store_of_the_past_opens_with_all_it_holds(schema: str, tmp_path: Path) -> None:
    path = written_at(schema, tmp_path / "state")
    before = old_rows(path)
    passphrase = PASSPHRASE if schema.endswith("encrypted") else ""
    opened, recovery = open_or_recover(path.parent, passphrase)
    with opened as store:
        assert recovery is None
        assert sorted(applied(store._db)) == sorted(NAMES)
        now = seen(store)
        assert len(now["minutes"]) == len(before["contact_minute"]) == 106
        means = {round(row[3] / (100 if isinstance(row[3], int) else 1), 2) for row in before["contact_minute"]}
        assert {m.mean_dbm for m in now["minutes"]} == means
        assert [own.starts_at_s for own in now["keys"]] == [row[3] for row in before["daily_key"]]
        assert {own.key.data for own in store.keys.all()} != set()
        (matched,) = now["exposures"]
        assert [(m.minute, m.attenuation_db, m.count) for m in matched.minutes] == [
            (row[1], row[2], row[3]) for row in before["exposure_minute"]
        ]
        (warned,) = now["warned"]
        (row,) = before["warning"]
        assert (warned.day, warned.degree, warned.warned_at_s) == (UTC_CALENDAR.day(row[0]), row[1], row[-1])
        assert len(now["calibrations"]) == len(before.get("calibration", ()))
        assert (now["pause"] is not None) == bool(before.get("pause"))
        undated = [m for m in now["minutes"] if not m.trusted]
        assert len(undated) == len(before["undated"]) if "undated" in before else len(undated) == 1
        assert store._db.execute("SELECT count(*) FROM protected").fetchone()[0] == len(before.get("protected", ()))
    require_sound(path.parent)


@pytest.mark.parametrize("schema", [s for s in SCHEMAS if not s.endswith("encrypted")])
def test_a_backup_of_the_past_is_read(schema: str, tmp_path: Path) -> None:
    path = written_at(schema, tmp_path / "state")
    with Snapshot(path.read_bytes(), path) as snapshot:
        assert len(list(snapshot.contacts.trusted())) >= 105


def test_a_store_that_is_killed_while_it_is_brought_up_to_date_is_done_again(tmp_path: Path) -> None:
    """All steps are one transaction: whoever looks before its end sees the old store, whole."""
    path = written_at("schema10", tmp_path / "state")
    before = old_rows(path)

    for count in range(0, 4000, 97):
        left = iter(range(count))
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            db.set_progress_handler(lambda: next(left, None) is None, 20)  # noqa: B023 - used within the loop
            try:
                migrate(db)
            except sqlite3.OperationalError:
                db.set_progress_handler(None, 0)
                assert old_rows(path) == before
            else:
                break
    else:
        pytest.fail("it never came to an end")
    require_sound(path.parent)


def test_a_store_that_another_house_wrote_opens(tmp_path: Path) -> None:
    data = shared_file("cases/bugs/store-schema10.db").read_bytes()
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / FILE_NAME).touch(0o600)
    (state / FILE_NAME).write_bytes(data)
    opened, recovery = open_or_recover(state)
    with opened as store:
        assert recovery is None
        assert len(seen(store)["minutes"]) == 4
        assert len(store.keys.all()) == 1
