"""A backup holds everything, opens with its passphrase alone, and is put in place whole or not at all."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.actions import backup, older_backup
from bluezone_agent.core import age
from bluezone_agent.core.clock_state import ClockState, ClockTimeline
from bluezone_agent.core.identifiers import DailyKey, ObservedIdentifier
from bluezone_agent.core.journal import KINDS, ChaffConsidered, Checked, Committed, Proved, Record, Started
from bluezone_agent.core.passphrases import encrypt, secret_from_passphrase
from bluezone_agent.core.pauses import Mode, Pause
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import BootTime, ContactMinute, precedence
from bluezone_agent.core.source_records import KeyFileRecord
from bluezone_agent.errors import (
    AgentError,
    BackupError,
    StateInUseError,
    StoreDamagedError,
    StoreError,
    StoreWriteError,
)
from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.file.snapshot import NEW, Snapshot
from bluezone_agent.stores.store import StateLock, Store
from bluezone_agent.stores.submission_tokens import TokenKind
from tests.diagnosis_keys import NOW_S, TODAY_S, daily_key
from tests.receiving import receive
from tests.stores.later import made_later
from tests.terminal import needs_age, typed

HOUR_S = 3600
PASSPHRASE = "một con vịt xoè ra hai cái cánh"
SOMEWHERE = Path("a.backup")
TOKENS = ("VERIFICATION-TOKEN" * 40, "REVISION-TOKEN" * 200)
"""Longer than a page, as real ones may be."""
FORMER: Final = Path(__file__).parents[1] / "data" / "backup" / "format-1.backup"
"""Of a store like :func:`lived`, with the same passphrase."""
LOW: Final = 4
"""log N of the age files here: 16 KiB a guess."""
TABLES = (
    "observed_identifier",
    "contact_minute",
    "undated",
    "boot",
    "key_file",
    "source",
    "exposure",
    "listening",
    "clock_timeline",
)


def lived(state_dir: Path) -> Store:
    """Return a store that is in use: contacts, keys closed and running, a check, a run."""
    store = Store(state_dir)
    receive(store, daily_key("gaen", number=7))
    undated = ContactMinute(
        ObservedIdentifier("gaen", b"U" * 16, b"AEM-"),
        5,
        3,
        -60.0,
        -70,
        -55,
        {-20: 3},
        trusted=False,
        began=BootTime("b", 60),
    )
    with store.transaction():
        store.contacts.add([undated])
        store.keys.add(daily_key("gaen", days_ago=1, number=1), last_slot_s=TODAY_S - 600, exportable=True, closed=True)
        store.keys.add(daily_key("gaen", days_ago=0, number=2), last_slot_s=TODAY_S + 6000, exportable=True)
        store.listening.begin(NOW_S - 3600, "active")
        store.listening.extend(NOW_S)
        store.sources.record_file(KeyFileRecord("feed", "1.zip", NOW_S, "digest", final=True))
        store.timelines.keep(ClockState(ClockTimeline("boot", 1.0, 2.0, NOW_S, 3.0)))
        store.pauses.set(Pause(Mode.PAUSED, HOUR_S, "boot", HOUR_S, NOW_S + HOUR_S, clock_trusted=True))
        store.journal.put(Checked(NOW_S, complete=True, sources=1, complete_at_s=NOW_S))
        store.journal.put(Started(NOW_S, sources=1))
        store.tokens.put("https://verify.example/", TokenKind.VERIFICATION, TOKENS[0], NOW_S)
        store.tokens.put("https://keys.example/", TokenKind.REVISION, TOKENS[1], NOW_S)
    return store


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Store]:
    with lived(tmp_path / "state") as store:
        yield store


def rows(store: Store, *tables: str) -> list[str]:
    return sorted(f"{t}{tuple(r)}" for t in tables or TABLES for r in store._db.execute(f"SELECT * FROM {t}"))


def records(store: Store) -> list[Record]:
    found = (store.journal.get(kind) for kind in KINDS.values())
    return [record for record in found if record is not None]


def decomposed(text: str) -> str:
    """Return what a keyboard makes that types a letter and its marks one by one."""
    return unicodedata.normalize("NFD", text)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_what_is_restored_is_what_was_backed_up(device: Store, tmp_path: Path) -> None:
    path, new = tmp_path / "a.backup", tmp_path / "new"
    backup.write(device, path, PASSPHRASE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with backup.opened(path, lambda: PASSPHRASE) as snapshot:
        backup.restore(new, snapshot)
    with Store(new) as restored:
        assert rows(restored) == rows(device)
        assert [own.key.data for own in restored.keys.all()] == [own.key.data for own in device.keys.all()]
        assert [type(r) for r in records(restored)] == [Checked], "records of a run stay behind"
        assert restored.pauses.current() is None
        assert restored._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert {stat.S_IMODE(p.stat().st_mode) for p in new.iterdir()} == {0o600}
    assert not (new / NEW).exists()


def test_a_backup_of_the_former_format_is_restored_and_merged(device: Store, tmp_path: Path) -> None:
    with backup.opened(FORMER, lambda: PASSPHRASE) as snapshot:
        backup.restore(tmp_path / "new", snapshot)
    with device.transaction():
        device.sources.reread()  # as for every store of a version that did not keep who published a key
    with Store(tmp_path / "new") as restored, Store(tmp_path / "other") as other:
        assert rows(restored) == rows(device)
        assert [own.key.data for own in restored.keys.all()] == [own.key.data for own in device.keys.all()]
        with backup.opened(FORMER, lambda: decomposed(PASSPHRASE)) as snapshot:
            assert backup.merge(other, snapshot) == 20
        assert content(other) == content(device)


def test_a_key_that_was_in_use_never_goes_on_the_air_again(device: Store, tmp_path: Path) -> None:
    """The device that it was backed up on went on with it."""
    with device.transaction():
        device.keys.add(daily_key("bluezone", days_ago=0, number=3), last_slot_s=TODAY_S, exportable=False)
    with Snapshot(device.copy(), SOMEWHERE) as snapshot:
        backup.restore(tmp_path / "new", snapshot)
    with Store(tmp_path / "new") as restored:
        assert restored.keys.running() is None
        assert [(own.closed, own.key.ends_at_s) for own in restored.keys.all()] == [
            (True, TODAY_S),
            (True, TODAY_S + 6600),
        ]


def test_what_is_not_committed_is_not_in_it_and_the_writer_goes_on(device: Store) -> None:
    with Store(device.state_dir) as reader, device.transaction():
        device.journal.put(Committed(NOW_S))
        taken = reader.copy()
    with Snapshot(taken, SOMEWHERE) as snapshot:
        assert snapshot.journal.get(Committed) is None
    assert device.journal.get(Committed)


def test_it_is_of_one_moment_while_others_write(device: Store) -> None:
    """Two rows that are always written together are in every backup with the same number."""
    stop = threading.Event()

    def write() -> None:
        with Store(device.state_dir) as writer:
            number = 0
            while not stop.is_set():
                number += 1
                with writer.transaction():
                    writer.journal.put(ChaffConsidered(number))
                    writer.journal.put(Proved(number, "z" * 2000, -40))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(50):
            with Snapshot(device.copy(), SOMEWHERE) as snapshot:
                numbers = [snapshot.journal.get(kind) for kind in (ChaffConsidered, Proved)]
                assert len({record.at_s for record in numbers if record}) <= 1
    finally:
        stop.set()
        writer.join()


def test_nothing_in_it_can_be_read_without_the_passphrase(device: Store) -> None:
    whole = b"".join(backup.make(device, PASSPHRASE))
    assert whole.startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert b"SQLite" not in whole
    assert all(own.key.data not in whole for own in device.keys.all())
    assert whole != b"".join(backup.make(device, PASSPHRASE)), "key, salt and nonce are drawn for each"


def test_the_store_is_copied_when_the_passphrase_has_given_back_its_memory(device: Store) -> None:
    pieces = backup.make(device, PASSPHRASE)
    head = next(pieces)
    device.journal.put(Committed(NOW_S))
    with Snapshot(b"".join(age.decrypt(chain((head,), pieces), PASSPHRASE)), SOMEWHERE) as snapshot:
        assert snapshot.journal.get(Committed)


def test_a_backup_that_ends_early_leaves_no_file(device: Store, tmp_path: Path) -> None:
    broken = Store(tmp_path / "broken")
    broken.close()
    with pytest.raises(sqlite3.ProgrammingError):
        backup.write(broken, tmp_path / "a.backup", PASSPHRASE)
    assert not (tmp_path / "a.backup").exists()


def made(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    """Return a backup of anything, quickly."""
    return b"".join(age.encrypt([content], passphrase, os.urandom, LOW))


def refused(path: Path, data: bytes, passphrase: str = PASSPHRASE) -> tuple[str, str]:
    """Return why a backup is refused, less its name, and the way out."""
    path.write_bytes(data)
    with pytest.raises(BackupError) as caught:
        backup.opened(path, lambda: passphrase)
    text = str(caught.value)
    assert text.startswith(str(path))
    return text.removeprefix(f"{path} "), caught.value.hint


def test_a_wrong_passphrase_is_told_from_a_damaged_file(device: Store, tmp_path: Path) -> None:
    path, whole = tmp_path / "a.backup", made(device.copy())
    wrong = (
        "can't be opened: the passphrase is wrong, or the first lines of the file are damaged",
        "enter the passphrase again, or use another copy of the file",
    )
    damaged = ("can't be opened: the file is damaged or cut short", "use another copy of the file")
    assert refused(path, whole, PASSPHRASE + " ") == wrong
    salt, body, mac = (whole.index(mark) + len(mark) for mark in (b"scrypt ", b" 4\n", b"--- "))
    for at, says in ((salt, wrong), (body, wrong), (mac, damaged), (mac + 60, damaged), (len(whole) - 1, damaged)):
        other = b"B" if whole[at : at + 1] == b"A" else b"A"
        assert refused(path, whole[:at] + other + whole[at + 1 :]) == says
    for length in (mac, mac + 50, len(whole) // 2, len(whole) - 1):
        assert refused(path, whole[:length]) == damaged
    assert refused(path, whole + b"\0") == damaged


def test_a_backup_of_the_former_format_is_all_of_it_or_nothing(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.backup", FORMER.read_bytes()
    says = "can't be opened: the passphrase is wrong, or the file is damaged"
    assert refused(path, whole, PASSPHRASE + " ")[0] == says
    first = len(older_backup.FIRST_LINE)
    for at in (first, first + 16, len(whole) - 1):
        assert refused(path, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])[0] == says
    for length in (first, first + 7, first + 30, len(whole) - 1):
        assert refused(path, whole[:length])[0] == says


def test_what_is_not_a_backup_for_a_passphrase_costs_nobody_a_passphrase(tmp_path: Path) -> None:
    def never() -> str:
        raise AssertionError("the passphrase was asked for")

    whole, path = made(b""), tmp_path / "x"
    for data, says, hint in (
        (b"", "is not a backup", 'use a file written by "bluezone-agent backup"'),
        (os.urandom(100), "is not a backup", 'use a file written by "bluezone-agent backup"'),
        (b"bluezone-agent backup 2\nrest", "is a backup from another version", "restore it with that version"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl", "can't be opened: the age file is in ASCII armour", "age -d"),
        (
            b"age-encryption.org/v1\n-> X25519 x\n",
            "can't be opened: the age file is encrypted to keys, not with a passphrase",
            '"age -p"',
        ),
        (whole.replace(b" 4\n", b" 23\n", 1), "can't be opened: the age file has a work factor of 2^23", '"age -p"'),
        (whole[:100], "can't be opened: the file is damaged or cut short", "use another copy"),
    ):
        path.write_bytes(data)
        with pytest.raises(BackupError, match=f"{re.escape(str(path))} {re.escape(says)}") as caught:
            backup.opened(path, never)
        assert hint in caught.value.hint.format(**caught.value.fields)
    for unreadable in (tmp_path, tmp_path / "y"):
        with pytest.raises(BackupError, match=r"can't read .*: (Is a directory|No such file)"):
            backup.opened(unreadable, never)


@needs_age
def test_age_opens_a_backup_and_what_is_inside_is_the_store(device: Store, tmp_path: Path) -> None:
    backup.write(device, tmp_path / "a.backup", PASSPHRASE)
    plaintext = tmp_path / "opened" / FILE_NAME
    plaintext.parent.mkdir(mode=0o700)
    typed(["age", "-d", "-o", str(plaintext), str(tmp_path / "a.backup")], PASSPHRASE)
    plaintext.chmod(0o600)
    with Store(plaintext.parent) as inside:
        assert rows(inside) == rows(device)
        assert records(inside) == records(device)


@needs_age
@pytest.mark.parametrize("keyboard", [str, decomposed], ids=["NFC", "NFD"])
def test_what_age_encrypted_restores_whichever_way_its_keyboard_composes(
    device: Store, tmp_path: Path, keyboard: Callable[[str], str]
) -> None:
    (tmp_path / "store").write_bytes(device.copy())
    typed(["age", "-p", "-o", str(tmp_path / "a.backup"), str(tmp_path / "store")], *[keyboard(PASSPHRASE)] * 2)
    with backup.opened(tmp_path / "a.backup", lambda: keyboard(PASSPHRASE)) as snapshot:
        backup.restore(tmp_path / "new", snapshot)
    with Store(tmp_path / "new") as restored:
        assert rows(restored) == rows(device)


def test_a_store_that_is_not_sound_or_of_a_later_version_is_refused(device: Store) -> None:
    data = bytearray(device.copy())
    for at in range(1024 * 3, len(data), 1024):
        data[at : at + 8] = b"\xff" * 8
    with pytest.raises(StoreDamagedError, match=r"a\.backup does not contain an intact store"):
        Snapshot(bytes(data), SOMEWHERE)
    made_later(device._db)
    with pytest.raises(StoreDamagedError, match="was written by a newer bluezone-agent"):
        Snapshot(device.copy(), SOMEWHERE)
    with pytest.raises(AgentError):
        Snapshot(b"rubbish", SOMEWHERE)


def test_a_state_that_holds_anything_is_left_alone(device: Store, tmp_path: Path) -> None:
    with Snapshot(device.copy(), SOMEWHERE) as snapshot:
        before = rows(device)
        with pytest.raises(BackupError, match="already contains keys, contacts or exposures") as caught:
            backup.restore(device.state_dir, snapshot)
        assert "bluezone-agent wipe" in caught.value.hint
        assert rows(device) == before
        with StateLock(tmp_path / "new"), pytest.raises(StateInUseError):
            backup.restore(tmp_path / "new", snapshot)


def test_a_restore_that_the_disk_refuses_changes_nothing(device: Store, tmp_path: Path) -> None:
    new = tmp_path / "new"
    Store(new).close()
    (new / NEW).mkdir()
    before = files(new)
    with Snapshot(device.copy(), SOMEWHERE) as snapshot, pytest.raises(StoreWriteError):
        backup.restore(new, snapshot)
    assert files(new) | {"agent.lock": b""} == before | {"agent.lock": b""}


def test_a_backup_of_an_older_store_is_brought_up_to_date(device: Store) -> None:
    data = bytearray(device.copy())
    with Snapshot(bytes(data), SOMEWHERE) as snapshot:
        snapshot._db.execute("DROP TABLE calibration")
        snapshot._db.execute("DELETE FROM _sqlite_migrations WHERE name LIKE 'm010%'")
        snapshot._db.execute("DELETE FROM layout WHERE name = 'calibration'")
        old = snapshot._db.serialize()
    with Snapshot(old, SOMEWHERE) as snapshot:
        assert snapshot._db.execute("SELECT count(*) FROM calibration").fetchone()[0] == 0


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(2000), b"a letter"])
def test_a_passphrase_is_not_enough_to_have_anything_restored(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.backup"
    head = older_backup.FIRST_LINE + bytes(16)
    former = head + encrypt(secret_from_passphrase("x", bytes(16)), content, head, bytes(12))
    for whole in (made(content, "x"), former):
        path.write_bytes(whole)
        with pytest.raises(StoreError, match=re.escape(str(path))):
            backup.opened(path, lambda: "x")


# merging

OBSERVED_IDENTIFIERS = [ObservedIdentifier("gaen", bytes([n]) * 16, b"AEM-") for n in range(3)] + [
    ObservedIdentifier("bluezone", bytes(12), b"")
]


@st.composite
def contact_minutes(draw: st.DrawFn) -> list[ContactMinute]:
    """What one device heard: at most one entry a beacon and minute, as a clock that is never set gives."""
    found = {}
    for _ in range(draw(st.integers(0, 12))):
        observed, minute = draw(st.sampled_from(OBSERVED_IDENTIFIERS)), draw(st.integers(26_000_000, 26_000_003))
        mean, count = draw(st.integers(-90, -40)), draw(st.integers(1, 5))
        found[observed, minute] = ContactMinute(
            observed, minute, count, mean, mean - 3, mean + 3, {mean // 3: count}, trusted=True
        )
    return sorted(found.values(), key=lambda m: m.minute)


def written(folder: Path, received: Iterable[ContactMinute]) -> Store:
    store = Store(folder)
    with store.transaction():
        store.contacts.add(list(received))
    return store


def merged(into: Store, other: Store) -> int:
    with Snapshot(other.copy(), SOMEWHERE) as snapshot:
        return backup.merge(into, snapshot)


def content(store: Store) -> list[str]:
    return sorted(map(repr, ((*m.observed, precedence(m), m.minute) for m in store.contacts.trusted())))


@settings(max_examples=15)
@given(contact_minutes(), contact_minutes(), contact_minutes())
def test_merging_is_commutative_associative_and_idempotent(
    a: list[ContactMinute], b: list[ContactMinute], c: list[ContactMinute]
) -> None:
    """And what it keeps of two entries of one beacon and minute is one of them: the stronger."""
    with TemporaryDirectory() as folder, ExitStack() as opened:
        stores = {
            name: opened.enter_context(written(Path(folder, name), received))
            for name, received in (("a", a), ("b", b), ("c", c), ("ab", a), ("ba", b), ("abc", a))
        }
        ab, ba, a_bc = stores["ab"], stores["ba"], stores["abc"]
        merged(ab, stores["b"])
        merged(ba, stores["a"])
        assert content(ab) == content(ba)
        strongest: dict[tuple[ObservedIdentifier, int], ContactMinute] = {}
        for m in (*a, *b):
            known = strongest.get((m.observed, m.minute), m)
            strongest[m.observed, m.minute] = max(known, m, key=lambda x: x.mean_dbm)
        assert sorted((m.observed, m.minute, m.mean_dbm) for m in strongest.values()) == sorted(
            (m.observed, m.minute, m.mean_dbm) for m in ab.contacts.trusted()
        )
        before = content(ab)
        assert merged(ab, stores["b"]) == merged(ab, stores["a"]) == 0
        assert content(ab) == before
        merged(ab, stores["c"])
        merged(stores["b"], stores["c"])
        merged(a_bc, stores["b"])
        assert content(ab) == content(a_bc)


def test_only_contacts_of_known_time_are_taken_and_files_are_read_again(device: Store, tmp_path: Path) -> None:
    with Store(tmp_path / "other") as other:
        with other.transaction():
            other.sources.record_file(KeyFileRecord("feed", "1.zip", NOW_S, "digest", final=True))
        assert merged(other, device) == 20
        assert rows(other, "undated", "daily_key", "exposure", "listening", "clock_timeline") == []
        assert not other.sources.files("feed")[0].final
        with other.transaction():
            other.sources.record_file(KeyFileRecord("feed", "1.zip", NOW_S, "digest", final=True))
        assert merged(other, device) == 0
        assert other.sources.files("feed")[0].final, "nothing new, nothing to read"


def test_this_device_as_the_other_one_heard_it_is_no_contact(device: Store, tmp_path: Path) -> None:
    with Store(tmp_path / "mine") as mine:
        with mine.transaction():
            mine.keys.add(daily_key("gaen", number=7), last_slot_s=NOW_S, exportable=True, closed=True)
        assert merged(mine, device) == 0
        assert list(mine.contacts.trusted()) == []


def test_an_agent_that_runs_goes_on_with_its_rows(tmp_path: Path) -> None:
    """A merge changes a row in its place: the agent's next minute of the same beacon finds it."""
    key = DailyKey("gaen", b"K" * 16, TODAY_S, TODAY_S + 86_400, 144)
    observed = PROTOCOLS["gaen"].decode(PROTOCOLS["gaen"].encode(key, PROTOCOLS["gaen"].identifier_at(key, NOW_S), -20))
    assert observed is not None
    minutes = [ContactMinute(observed, 100 + n, 3, -60.0, -70, -55, {-20: 3}, trusted=True) for n in range(2)]
    strong = ContactMinute(observed, 100, 9, -50.0, -55, -45, {-17: 9}, trusted=True)
    with written(tmp_path / "running", minutes[:1]) as running:
        with written(tmp_path / "other", [strong]) as other, Store(running.state_dir) as command:
            assert merged(command, other) == 1
        with running.transaction():
            running.contacts.add(minutes[1:])
        running._db.execute("DELETE FROM contact_minute WHERE minute < 100")
        running.contacts._delete_orphans()
        assert list(running.contacts.trusted()) == [strong, minutes[1]]
        assert len(running.contacts.identifiers("gaen")[0]) == 1


def test_an_older_entry_that_a_set_clock_wrote_twice_gives_way_as_a_whole(tmp_path: Path) -> None:
    weak = ContactMinute(OBSERVED_IDENTIFIERS[0], 100, 3, -60.0, -70, -55, {-20: 3}, trusted=True)
    strong = ContactMinute(OBSERVED_IDENTIFIERS[0], 100, 9, -50.0, -55, -45, {-17: 9}, trusted=True)
    with written(tmp_path / "mine", [weak]) as mine, written(tmp_path / "other", [strong]) as other:
        with mine.transaction():
            mine.contacts.add([weak])
        assert len(list(mine.contacts.trusted())) == 2
        assert merged(mine, other) == 1
        assert list(mine.contacts.trusted()) == [strong]


def test_the_file_is_named_like_the_stores(tmp_path: Path) -> None:
    """So that a wipe finds what an interrupted restore left."""
    assert NEW.startswith(f"{FILE_NAME}.")
