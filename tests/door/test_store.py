"""What is kept of a door: each person at once, no identifier, labels only for as long as they may be kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from random import Random
from typing import Final

import pytest
from msgspec.structs import replace

from bluezone_agent.core.door import Direction, DoorCounts, Passage
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.door.figures import by_hour, counts, share_percent
from bluezone_agent.door.store import FILE_NAME, DoorStore, MeasuredThreshold, open_or_begin
from bluezone_agent.errors import AgentError, StoreDamagedError, StoreError, StoreWriteError
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.file.erase import own_files
from bluezone_agent.stores.file.open import make_private
from tests.faults.disk import Disk, Said, record

NOON_S: Final = 1_806_580_800 - 7 * 3600
"""12:00 in Vietnam."""
IN: Final = Passage(
    minute=NOON_S // MINUTE_S, utc_offset_min=420, direction=Direction.IN, protocol="gaen", clock_trusted=True
)
LABEL: Final = "badge 4711 of somebody"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, to see what reaches the disk")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DoorStore]:
    with DoorStore(tmp_path / "state") as opened:
        yield opened


def later(minutes: int, passage: Passage = IN) -> Passage:
    return replace(passage, minute=passage.minute + minutes)


def day_of(passage: Passage) -> date:
    return next(iter(by_hour([passage]))).day


def test_a_day_is_counted_by_the_doors_own_time(store: DoorStore) -> None:
    day = day_of(IN)
    for minutes in (0, 11 * 60 + 59, 12 * 60, -12 * 60, -12 * 60 - 1):
        store.add(later(minutes))
    store.add(replace(IN, protocol=None))
    store.add(replace(IN, direction=Direction.OUT))
    assert store.counts(day) == DoorCounts(in_with=3, in_without=1, out_with=1)
    assert len(store.passages(day, day)) == 5
    assert len(store.passages()) == 7


def test_hours_days_and_the_share() -> None:
    found = by_hour([IN, later(61), replace(IN, protocol=None), later(DAY_S // MINUTE_S)])
    assert [(hour.hour, of.in_with, of.in_without) for hour, of in found.items()] == [
        (12, 1, 1),
        (13, 1, 0),
        (12, 1, 0),
    ]
    assert len({hour.day for hour in found}) == 2
    assert share_percent(counts([IN, IN, IN, replace(IN, protocol=None)])) == 75
    assert share_percent(DoorCounts()) is None


def test_a_number_is_never_used_again(store: DoorStore) -> None:
    """Else a label meant for one person would be another one's."""
    first = store.add(IN)
    store.delete(first)
    second = store.add(IN)
    assert second != first
    store.label(first, LABEL)
    assert [stored.label for stored in store.passages()] == [None]


def raw(state_dir: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(state_dir.glob("door.db*")))


@pytest.mark.parametrize("how", ["expired", "purpose gone", "undone", "forgotten", "all forgotten", "relabelled"])
def test_a_label_that_is_deleted_leaves_no_byte_in_the_files(tmp_path: Path, how: str) -> None:
    with DoorStore(tmp_path) as store:
        number = store.add(IN)
        store.label(number, LABEL)
        assert LABEL.encode() in raw(tmp_path)
        match how:
            case "expired":
                store.expire(NOON_S + 7 * DAY_S, retention_days=90, label_days=7)
                assert LABEL.encode() in raw(tmp_path), "not a minute too soon"
                assert store.expire(NOON_S + 7 * DAY_S + MINUTE_S, retention_days=90, label_days=7) == 1
            case "purpose gone":
                store.expire(NOON_S, retention_days=90, label_days=0)
            case "undone":
                store.delete(number)
            case "forgotten":
                assert store.forget(labels_only=True) == 1
            case "all forgotten":
                assert store.forget(labels_only=False) == 1
            case "relabelled":
                store.label(number, "b")
        assert LABEL.encode() not in raw(tmp_path)
        assert len(store.passages()) == (how not in {"undone", "all forgotten"})
    assert LABEL.encode() not in raw(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {FILE_NAME}


def test_old_passages_go_with_their_labels(store: DoorStore) -> None:
    store.label(store.add(later(-91 * DAY_S // MINUTE_S)), LABEL)
    store.add(IN)
    store.expire(NOON_S, retention_days=90, label_days=365)
    assert [stored.passage for stored in store.passages()] == [IN]
    assert LABEL.encode() not in raw(store.path.parent)


def test_a_threshold_is_of_one_radio_and_the_newest_counts(store: DoorStore) -> None:
    store.keep_threshold(MeasuredThreshold("hci0", -60, -50, -70, NOON_S))
    store.keep_threshold(MeasuredThreshold("hci0", -62, -52, -72, NOON_S + 1))
    found = store.threshold("hci0")
    assert found is not None
    assert found.threshold_dbm == -62
    assert store.threshold("hci1") is None


def test_its_files_are_the_owners_alone_and_a_wipe_deletes_them(tmp_path: Path) -> None:
    with open_or_begin(tmp_path) as store:
        store.add(IN)
        modes = {path.stat().st_mode & 0o777 for path in tmp_path.glob("door.db*")}
        assert modes == {0o600}
    (tmp_path / FILE_NAME).chmod(0o644)
    assert make_private(tmp_path) == [tmp_path / FILE_NAME]
    assert own_files(tmp_path) == [tmp_path / FILE_NAME]


def test_a_damaged_one_is_kept_aside_and_another_begun(tmp_path: Path) -> None:
    with DoorStore(tmp_path) as store:
        for minutes in range(500):
            store.add(later(minutes))
    path = tmp_path / FILE_NAME
    data = bytearray(path.read_bytes())
    data[2048:8192] = os.urandom(6144)
    path.write_bytes(data)
    with pytest.raises(StoreDamagedError):
        DoorStore(tmp_path)
    with open_or_begin(tmp_path) as store:
        assert store.passages() == []
    quarantined = [found for found in tmp_path.iterdir() if found.name.startswith("agent.damaged-door-")]
    assert [found.read_bytes() for found in quarantined] == [bytes(data)]
    assert set(own_files(tmp_path)) == {path, *quarantined}


def test_a_later_versions_is_kept_aside_too(tmp_path: Path) -> None:
    with DoorStore(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db, db:
        db.execute("UPDATE _sqlite_migrations SET name = 'm999_later'")
    with pytest.raises(StoreDamagedError, match="newer"):
        DoorStore(tmp_path)


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db, db:
        db.execute("CREATE TABLE theirs (x)")
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(StoreError, match="another program"):
        open_or_begin(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_full_disk_is_said_and_changes_nothing(store: DoorStore) -> None:
    store.add(IN)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreWriteError):
        for minutes in range(1000):
            store.add(later(minutes))
    kept = len(store.passages())
    store._db.execute("PRAGMA max_page_count=100000")
    store.add(IN)
    assert len(store.passages()) == kept + 1


PASSES = """
import os, sys
from pathlib import Path
from bluezone_agent.door.store import DoorStore
from tests.door.test_store import IN, later
with DoorStore(Path(sys.argv[1])) as store:
    for number in range(12):
        store.add(later(number))
        os.write(1, f"{number + 1}\\n".encode())
"""


@needs_strace
@pytest.mark.slow
def test_a_count_survives_a_power_cut(tmp_path: Path) -> None:
    """Every state that the writes of a door may leave on a disk: nobody who was shown as counted is lost."""
    state_dir = tmp_path / "state"
    events = record([sys.executable, "-c", PASSES, str(state_dir)], state_dir, tmp_path / "strace.log")
    disk, random, said, states = Disk(), Random(1), 0, 0
    with scratch_folder() as scratch:
        for event in events:
            disk.apply(event)
            if isinstance(event, Said):
                said = int(event.text)
                continue
            for files in disk.after_an_early_end(random, 3):
                states += 1
                folder = scratch / str(states)
                folder.mkdir(mode=0o700)
                for name, data in files.items():
                    (folder / name).touch(mode=0o600)
                    (folder / name).write_bytes(data)
                try:
                    with DoorStore(folder) as left:
                        found = left.counts(day_of(IN)).in_with
                except AgentError as error:
                    pytest.fail(f"state {states}: {error}")
                assert said <= found <= said + 1
                shutil.rmtree(folder)
    print(f"{states} states")
    assert said == 12
    assert states > 100
