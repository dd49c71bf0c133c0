"""A damaged store, or a later version's: set aside, never deleted; the agent begins anew with the keys it can read."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from bluezone_agent.app.agent_state import read_metrics
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Committed
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.identity import Identity
from bluezone_agent.daemon.trusted_clock import TrustedClock
from bluezone_agent.errors import StoreDamagedError, StoreError
from bluezone_agent.stores.file.open import FILE_NAME, PAGE_SIZE, require_sound
from bluezone_agent.stores.file.quarantine import delete_old, quarantined_stores
from bluezone_agent.stores.file.recover import Recovery, open_or_recover
from bluezone_agent.stores.file.snapshot import Snapshot
from bluezone_agent.stores.store import Store
from tests.fakes import numbered_bytes
from tests.faults import numbered
from tests.fuzz.test_store import record_activity
from tests.program import Program
from tests.receiving import receive
from tests.stores.later import made_later
from tests.stores.past import written_at

pytestmark = pytest.mark.slow

PAGE = PAGE_SIZE
NOON_S = 1_806_580_800.0


def daily_key(number: int, protocol: str = "gaen") -> DailyKey:
    start_s = int(NOON_S) // DAY_S * DAY_S - number * DAY_S
    p = PROTOCOLS[protocol]
    return DailyKey(protocol, bytes([number]) * p.key_length, start_s, start_s + DAY_S, p.slots_per_day)


KEYS = [daily_key(number) for number in range(1, 14)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with keys of 13 days and who was heard."""
    folder = tmp_path_factory.mktemp("whole")
    with Store(folder) as store:
        with store.transaction():
            for key in KEYS:
                store.keys.add(key, last_slot_s=key.ends_at_s - 600, exportable=True, closed=True)
        for number in range(20, 30):
            receive(store, daily_key(number))
        with store.transaction():
            record_activity(store)
    return folder


def recovered(folder: Path) -> Recovery | None:
    """Start on ``folder`` as the daemon does, and do what it does first."""
    store, recovery = open_or_recover(folder)
    with store:
        clock = SimulatedClock(NOON_S)

        async def take() -> None:
            Identity(
                store, TrustedClock(clock, store), PROTOCOLS["gaen"], tx_power_dbm=0, random_bytes=numbered_bytes()
            ).take()

        run_simulated(take())
        with store.transaction():
            store.journal.put(Committed(int(NOON_S)))
        numbered.numbers(store)
        read_metrics(store, NOON_S)
        store.expire(NOON_S)
    return recovery


def copied(whole: Path, folder: Path) -> Path:
    shutil.copytree(whole, folder)
    return folder / FILE_NAME


def test_a_page_of_rubbish_anywhere_never_stops_the_start(whole: Path, tmp_path: Path) -> None:
    pages = (whole / FILE_NAME).stat().st_size // PAGE
    recoveries = salvaged = 0
    for page in range(pages):
        path = copied(whole, tmp_path / str(page))
        with path.open("r+b") as file:
            file.seek(page * PAGE)
            file.write(Random(page).randbytes(PAGE))
        recovery = recovered(path.parent)
        if recovery:
            recoveries += 1
            salvaged += recovery.keys == len(KEYS)
            assert recovery.quarantined.stat().st_size == pages * PAGE, "set aside as it was"
    assert recoveries > pages // 2, "unused pages harm nothing"
    assert salvaged >= recoveries - 18, (
        "all but where the header, the schema (sixteen pages) or the keys' own page were lost"
    )


def test_bits_flipped_anywhere_never_stop_the_start(whole: Path, tmp_path: Path, long: bool) -> None:
    random, size, recoveries = Random(1), (whole / FILE_NAME).stat().st_size, 0
    for number in range(5_000 if long else 150):
        path = copied(whole, tmp_path / str(number))
        with path.open("r+b") as file:
            for _ in range(random.choice([1, 1, 1, 10, 100])):
                at = random.randrange(size if random.random() < 0.5 else PAGE)
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << random.randrange(8)]))
        recoveries += recovered(path.parent) is not None
        shutil.rmtree(path.parent)
    assert recoveries > 20


def test_a_file_cut_anywhere_never_stops_the_start(whole: Path, tmp_path: Path) -> None:
    size = (whole / FILE_NAME).stat().st_size
    for truncated in [*range(PAGE, size, 3 * PAGE), *range(1, 2 * PAGE, 500), 0, 15, 16, 99, 100]:
        path = copied(whole, tmp_path / str(truncated))
        os.truncate(path, truncated)
        recovery = recovered(path.parent)
        assert recovery is not None or truncated < 512, "what is too short for anything is a new one"


def test_a_sound_file_of_other_tables_is_set_aside_too(whole: Path, tmp_path: Path) -> None:
    places = [found.start() for found in re.finditer(b"digest TEXT", (whole / FILE_NAME).read_bytes())]
    assert len(places) >= 2, "in the schema, and in what it has to be"
    for at in places:
        path = copied(whole, tmp_path / str(at))
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"dhgest")  # one bit; SQLite finds nothing wrong with it
        recovery = recovered(path.parent)
        assert recovery is not None
        assert recovery.keys == len(KEYS)


def test_an_older_store_is_looked_at_before_it_is_brought_up_to_date(tmp_path: Path) -> None:
    path = written_at("schema11", tmp_path / "x")
    data = path.read_bytes()
    assert recovered(path.parent) is None
    path.write_bytes(data.replace(b"digest TEXT", b"dhgest TEXT", 1))
    assert recovered(path.parent) is not None


@pytest.mark.parametrize(
    ("was", "is_now"),
    [(b"powered off", b"powered \xfff"), (b'{"at_s', b'["at_s'), (b"proved", b"prowed")],
    ids=["text", "JSON", "index"],
)
def test_what_is_no_text_no_json_or_another_word_than_in_its_index_is_damage(
    whole: Path, tmp_path: Path, was: bytes, is_now: bytes
) -> None:
    places = [found.start() for found in re.finditer(re.escape(was), (whole / FILE_NAME).read_bytes())]
    assert places
    for at in places:
        path = copied(whole, tmp_path / str(at))
        with path.open("r+b") as file:
            file.seek(at)
            file.write(is_now)
        assert recovered(path.parent) is not None


def test_an_index_that_the_owner_adds_is_no_damage(whole: Path, tmp_path: Path) -> None:
    path = copied(whole, tmp_path / "x")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE INDEX mine ON contact_minute (identifier_id)")
        db.execute("ANALYZE")
    assert recovered(path.parent) is None


@pytest.mark.parametrize(
    ("made", "way_out"),
    [
        ("CREATE TRIGGER quiet BEFORE INSERT ON warning BEGIN SELECT RAISE(IGNORE); END", "DROP TRIGGER"),
        ("CREATE VIEW quiet AS SELECT minute, count FROM contact_minute", "DROP VIEW"),
        ("create  unique index quiet ON warning ((1))", "DROP INDEX"),
    ],
    ids=["trigger", "view", "unique index"],
)
def test_what_could_swallow_a_warning_is_refused_by_every_way_in(
    whole: Path, tmp_path: Path, made: str, way_out: str
) -> None:
    """Neither set aside, for the contacts are whole, nor used: its owner takes it out."""
    path = copied(whole, tmp_path / "x")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(made)
        db.execute("INSERT INTO layout SELECT name, sql FROM sqlite_schema WHERE name = 'quiet'")
    for enter in (Store, open_or_recover, require_sound, lambda _state: Snapshot(path.read_bytes(), path)):
        with pytest.raises(StoreError, match='"quiet" that bluezone-agent did not create') as caught:
            enter(path.parent)
        assert not isinstance(caught.value, StoreDamagedError)
        assert f"'{way_out} " in caught.value.hint.format(**caught.value.fields)
    assert quarantined_stores(path.parent) == []
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"{way_out} quiet")
        db.execute("DELETE FROM layout WHERE name = 'quiet'")
    assert recovered(path.parent) is None


def test_a_start_on_a_store_that_is_there_does_not_load_what_makes_one(whole: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from bluezone_agent.stores.file.recover import open_or_recover\n"
        "open_or_recover(Path(sys.argv[1]))[0].close()\n"
        "print('sqlite_utils' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", script, whole], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n", "13 MiB for as long as the agent runs"


def test_a_file_that_says_it_is_only_to_be_read_is_set_aside_too(whole: Path, tmp_path: Path) -> None:
    path = copied(whole, tmp_path / "x")
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"\x06")  # a later format's version: SQLite reads it, and takes no write
    assert recovered(path.parent) is not None


def test_the_keys_live_on_and_none_goes_on_the_air_again(whole: Path, tmp_path: Path) -> None:
    path = copied(whole, tmp_path / "x")
    with closing(sqlite3.connect(path)) as db, db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'contact_minute'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xff" * PAGE)
    store, recovery = open_or_recover(path.parent)
    assert recovery is not None
    assert isinstance(recovery.error, StoreDamagedError)
    with store:
        assert sorted(own.key.data for own in store.keys.all()) == sorted(key.data for key in KEYS)
        assert all(own.closed and own.exportable for own in store.keys.all())
    assert quarantined_stores(path.parent) == [recovery.quarantined]


def test_what_a_damaged_file_says_of_keys_is_not_believed_blindly(tmp_path: Path) -> None:
    with Store(tmp_path) as store, store.transaction():
        store.keys.add(KEYS[0], last_slot_s=0, exportable=True)
        for number, odd in enumerate(
            [
                KEYS[1]._replace(protocol="morse"),
                KEYS[2]._replace(data=b"short"),
                KEYS[3]._replace(ends_at_s=KEYS[3].starts_at_s),
                KEYS[4]._replace(ends_at_s=KEYS[4].ends_at_s + 1),
                KEYS[5]._replace(slots_per_day=7),
            ]
        ):
            store.keys.add(odd, last_slot_s=number, exportable=True)
        made_later(store._db)
    store, recovery = open_or_recover(tmp_path)
    with store:
        assert recovery is not None
        assert [own.key.data for own in store.keys.all()] == [KEYS[0].data]


def test_a_later_versions_store_is_set_aside_whole(whole: Path, tmp_path: Path) -> None:
    path = copied(whole, tmp_path / "x")
    with closing(sqlite3.connect(path)) as db, db:
        made_later(db)
    before = path.read_bytes()
    store, recovery = open_or_recover(path.parent)
    store.close()
    assert recovery is not None
    assert recovery.keys == len(KEYS)
    assert recovery.quarantined.read_bytes() == before


def test_a_foreign_file_is_refused_by_the_daemon_too(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db, db:
        db.execute("CREATE TABLE recipe (name TEXT)")
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreError, match="another program"):
        open_or_recover(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert quarantined_stores(tmp_path) == []


def test_what_was_set_aside_goes_after_14_days(whole: Path, tmp_path: Path) -> None:
    path = copied(whole, tmp_path / "x")
    os.truncate(path, PAGE + 1)
    store, recovery = open_or_recover(path.parent)
    store.close()
    assert recovery is not None
    assert delete_old(path.parent, time.time() + 13 * DAY_S) == []
    assert recovery.quarantined in delete_old(path.parent, time.time() + 15 * DAY_S)
    assert quarantined_stores(path.parent) == []


@pytest.fixture
def damaged(whole: Path, program: Program) -> Program:
    program.state_dir.rmdir()
    path = copied(whole, program.state_dir)
    with path.open("r+b") as file:
        file.seek(5 * PAGE)
        file.write(b"\xff" * PAGE)
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    return program


def test_run_says_it_and_goes_on_and_status_says_it_too(damaged: Program) -> None:
    agent = damaged.start("run")
    deadline_s = time.monotonic() + 60
    while not (seen := damaged.run("status")).stdout.count("identifiers,"):
        assert agent.poll() is None
        assert time.monotonic() < deadline_s, seen.stdout + seen.stderr
        time.sleep(0.2)
    agent.terminate()
    said = agent.communicate()[1]
    assert "is damaged" in said
    assert "store_recovered" in said
    assert "a damaged store was set aside" in seen.stdout
    assert seen.returncode == 1
