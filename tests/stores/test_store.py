"""The store on a real SQLite file."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.exposure import DayExposure, Degree
from bluezone_agent.core.identifiers import DailyKey, ObservedIdentifier, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Committed
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.core.source_records import KeyFileRecord, SourceRecord, Verdict
from bluezone_agent.errors import BadSignatureError, KeySourceError, StateInUseError, StoreError
from bluezone_agent.stores.exposures import KeyMatch
from bluezone_agent.stores.file.migrations import NAMES, applied
from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.store import StateLock, Store, agent_runs
from tests.exposed import received_key
from tests.stores.later import made_later

OBSERVED = ObservedIdentifier("gaen", b"RPI-RPI-RPI-RPI-", b"AEM-")
KEY = DailyKey("gaen", b"TEK-TEK-TEK-TEK-", 0, DAY_S, 144)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def contact(minute: int, observed: ObservedIdentifier = OBSERVED) -> ContactMinute:
    return ContactMinute(observed, minute, 3, -61.25, -70, -55, {-24: 1, -20: 2}, trusted=True)


def test_minutes_come_back_as_they_went_in_also_after_reopening(store: Store) -> None:
    received = [contact(1), contact(2), contact(2, ObservedIdentifier("bluezone", bytes(12), b""))]
    with store.transaction():
        store.contacts.add(received)
    store.close()
    with Store(store.state_dir) as again:
        ids = [i for name in ("gaen", "bluezone") for i in again.contacts.identifiers(name)[0]]
        assert sorted(again.contacts.minutes_of(ids), key=repr) == sorted(received, key=repr)


def test_a_beacon_heard_for_minutes_is_one_row(store: Store) -> None:
    for minute in range(10):
        with store.transaction():
            store.contacts.add([contact(minute)])
    ids, packed = store.contacts.identifiers("gaen")
    assert (list(ids), bytes(packed)) == ([1], OBSERVED.identifier)


def test_a_minute_written_twice_is_kept_twice(store: Store) -> None:
    """A clock that went back by seconds hears in a minute that is written already."""
    for _ in range(2):
        with store.transaction():
            store.contacts.add([contact(5)])
    ids, _ = store.contacts.identifiers("gaen")
    assert [m.minute for m in store.contacts.minutes_of(ids)] == [5, 5]


def test_a_failed_transaction_leaves_nothing_and_harms_nothing_later(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.contacts.add([contact(1)])
        raise RuntimeError
    with store.transaction():
        store.contacts.add([contact(1)])
    ids, _ = store.contacts.identifiers("gaen")
    assert store.contacts.minutes_of(ids) == [contact(1)]


def test_a_reading_that_is_broken_off_does_not_hide_why(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Store(tmp_path) as store:
        with store.transaction():
            store.contacts.add([contact(1), contact(2)])
        minutes = (m for m in store.contacts.trusted())
        next(minutes)
        raise KeyboardInterrupt
    minutes.close()
    with Store(tmp_path) as store:
        assert len(store.contacts.minutes_since(0)) == 2


def test_hours_count_identifiers_and_minutes(store: Store) -> None:
    other = ObservedIdentifier("bluezone", bytes(12), b"")
    with store.transaction():
        store.contacts.add([contact(0), contact(0, other), contact(1), contact(60)])
    first, second = store.contacts.hours(0)
    assert (first.identifiers, first.minutes, first.identifier_minutes, first.strongest_dbm) == (2, 2, 3, -55)
    assert (second.starts_at_s, second.minutes) == (3600, 1)
    assert store.contacts.hours(3600) == [second]


def test_days_are_those_of_which_anything_is_kept(store: Store) -> None:
    assert store.contacts.days() == set()
    with store.transaction():
        store.contacts.add(
            [contact(0), contact(1439), contact(1440 * 3), contact(1440 * 3 + 5), contact(1440 * 14 - 1)]
        )
    assert store.contacts.days() == {0, 3, 13}


def test_own_keys_run_advance_and_close(store: Store) -> None:
    assert store.keys.running() is None
    with store.transaction():
        store.keys.add(KEY, last_slot_s=600, exportable=True)
    own = store.keys.running()
    assert own is not None
    assert own.key == KEY
    with store.transaction():
        store.keys.advance(own, 1200)
        own = store.keys.running()
        assert own is not None
        store.keys.close(own)
    assert store.keys.running() is None
    (closed,) = store.keys.all()
    assert (closed.closed, closed.key.ends_at_s) == (True, 1800)


def matched(minutes: list[int]) -> KeyMatch:
    received = tuple(ReceivedMinute(m, 50.5, 4) for m in minutes)
    return received_key("digest", ReportType.CONFIRMED_TEST, 2, 1000, received)


def test_an_exposure_found_again_adds_only_what_is_new(store: Store) -> None:
    for minutes in ([1, 2], [2, 3]):
        with store.transaction():
            store.exposures.add(matched(minutes))
    (found,) = store.exposures.matched()
    assert [m.minute for m in found.minutes] == [1, 2, 3]


def test_a_day_warns_once(store: Store) -> None:
    day = DayExposure(date(2026, 10, 12), Degree.F1, 1, 20, 20.0, 20.0, (), (), True, "swisscovid", 1, 15.0)
    with store.transaction():
        assert store.exposures.add_warnings([day], 5) == [day]
        assert store.exposures.add_warnings([day], 9) == []
    assert [w.warned_at_s for w in store.exposures.warned()] == [5]


def test_a_files_first_fetch_stays_while_its_contents_do(store: Store) -> None:
    def record(at_s: int, final: bool, digest: str = "digest") -> KeyFileRecord:
        dropped = {"malformed": 2}
        return KeyFileRecord("source", "name", at_s, digest, 7, at_s, keys=1, dropped=dropped, final=final)

    with store.transaction():
        store.sources.record_file(record(1, False))
        store.sources.record_file(record(2, True))
    assert store.sources.file("source", "name") == replace(record(1, True), tried_at_s=2)
    assert store.sources.file("source", "other") is None
    with store.transaction():
        store.sources.record_file(record(3, True, "other digest"))
    assert store.sources.files("source") == [record(3, True, "other digest")]


def test_a_fault_is_kept_so_that_it_can_be_told_in_any_language(store: Store) -> None:
    class OddSignatureError(BadSignatureError):
        """One that a later version may have."""

    fault = OddSignatureError("{name} is not signed {n}", "ask {who}", name="1.json", n=3, who="them")
    with store.transaction():
        store.sources.record_file(KeyFileRecord("source", "name", 1, fault=fault))
    record = store.sources.file("source", "name")
    assert record is not None
    assert record.verdict is Verdict.REFUSED
    kept = record.fault
    assert type(kept) is BadSignatureError
    assert (str(kept), kept.message, kept.hint, kept.fields) == (str(fault), fault.message, fault.hint, fault.fields)


@pytest.mark.parametrize(
    "fault", ['["OtherError", "gone", "", {}]', '["KeyFileError", "{x", "", {}]', "[1]", "{}", "7"]
)
def test_a_fault_that_this_version_does_not_know_is_told_as_it_stands(store: Store, fault: str) -> None:
    with store.transaction():
        store.sources.record_file(KeyFileRecord("source", "name", 1))
        store._db.execute("UPDATE key_file SET fault = ?", (fault,))
    (record,) = store.sources.files("source")
    assert record.verdict is Verdict.REFUSED
    assert str(record.fault) == f"a reason unknown to this version: {fault}"


def test_a_source_is_kept_with_its_notes_and_forgotten_when_it_is_no_longer_configured(store: Store) -> None:
    gone = KeySourceError("gone")
    first = SourceRecord("a", 5, 4, gone, accepts_unsigned=True, issued_at_s=1, expires_at_s=2, notes={"tag": "7"})
    with store.transaction():
        store.sources.record(SourceRecord("b", 6))
        store.sources.record(first)
    a, b = store.sources.all()
    assert str(a.fault) == "gone"
    assert replace(a, fault=gone) == first
    assert b == SourceRecord("b", 6)
    with store.transaction():
        store.sources.forget_others(["b", "c"])
    assert store.sources.source("a") is None
    with store.transaction():
        store.sources.delete_before(7)
    assert store.sources.all() == []


def test_after_14_days_nothing_is_left_in_any_file(store: Store) -> None:
    with store.transaction():
        store.contacts.add(
            [contact(1), contact(20 * 24 * 60, ObservedIdentifier("gaen", b"new-new-new-new-", b"AEM2"))]
        )
        store.keys.add(KEY, last_slot_s=600, exportable=True)
        store.exposures.add(matched([1]))
    assert any(OBSERVED.identifier in p.read_bytes() for p in store.state_dir.iterdir())
    store.expire(20 * DAY_S)
    for path in store.state_dir.iterdir():
        data = path.read_bytes()
        assert OBSERVED.identifier not in data
        assert KEY.data not in data
        assert b"digest" not in data.replace(b"key_digest", b"").replace(b"digest TEXT", b"")
    assert store.contacts.identifiers("gaen")[1] == b"new-new-new-new-"


def test_13_days_are_kept(store: Store) -> None:
    with store.transaction():
        store.contacts.add([contact(1)])
        store.keys.add(KEY, last_slot_s=600, exportable=True)
    store.expire(13 * DAY_S)
    assert len(store.contacts.identifiers("gaen")[0]) == 1
    assert len(store.keys.all()) == 1


def test_folder_and_files_are_the_owners_alone(tmp_path: Path) -> None:
    script = (
        "import os, sys; os.umask(0); from pathlib import Path\n"
        "from bluezone_agent.stores.store import Store, StateLock\n"
        "s = Store(Path(sys.argv[1]))\n"
        "with s.transaction(): s.listening.begin(1, 'active')\n"
        "with StateLock(s.state_dir): pass\n"
        "for p in [s.state_dir, *s.state_dir.iterdir()]: print(p.name, oct(p.stat().st_mode & 0o777))"
    )
    out = subprocess.run([sys.executable, "-c", script, tmp_path / "state"], capture_output=True, text=True, check=True)
    modes = dict(line.split() for line in out.stdout.splitlines())
    assert modes.pop("state") == "0o700"
    assert set(modes) >= {"agent.db", "agent.db-wal", "agent.lock"}
    assert set(modes.values()) == {"0o600"}


def test_a_store_has_every_step_of_its_schema_in_order(store: Store) -> None:
    assert applied(store._db) == list(NAMES)
    assert len(set(NAMES)) == len(NAMES)


def test_a_foreign_sqlite_file_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE recipe (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program") as caught:
        Store(tmp_path)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [FILE_NAME]


def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text("my diary " * 200)
    with pytest.raises(StoreError, match="not a SQLite file"):
        Store(tmp_path)
    assert path.read_text() == "my diary " * 200


def test_a_newer_store_is_refused(store: Store) -> None:
    made_later(store._db)
    store.close()
    with pytest.raises(StoreError, match="newer bluezone-agent"):
        Store(store.state_dir)


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"can't create the state directory .*file/state"):
        Store(tmp_path / "file" / "state")


def test_the_state_is_used_by_one_agent_at_a_time(tmp_path: Path) -> None:
    Store(tmp_path).close()
    assert not agent_runs(tmp_path)
    with StateLock(tmp_path):
        assert agent_runs(tmp_path)
        with pytest.raises(StateInUseError, match="another agent is running"), StateLock(tmp_path):
            pass
    assert not agent_runs(tmp_path)


def test_the_open_span_of_listening_lasts_until_the_newest_commit(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with store.transaction():
            store.listening.begin(1_000, "active")
            store.journal.put(Committed(1_300))
        assert [(s.starts_at_s, s.ends_at_s) for s in store.listening.since(0)] == [(1_000, 1_300)]
        assert store.listening.last_well_s() == 1_300
        with store.transaction():
            store.listening.begin(1_200, "", "powered off")
            store.journal.put(Committed(1_500))
        assert [(s.ends_at_s, s.listened) for s in store.listening.since(0)] == [(1_200, True), (1_500, False)]
        assert store.listening.last_well_s() == 1_200
