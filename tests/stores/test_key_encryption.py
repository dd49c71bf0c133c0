"""Sealed keys: opened by their passphrase alone, in their own row alone, and never plain in the files again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.core import passphrases
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import KeysEncryptedError, StateInUseError, StoreDamagedError
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.file.open import FILE_NAME, PAGE_SIZE
from bluezone_agent.stores.file.recover import open_or_recover
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import daily_key
from tests.receiving import receive

PASSPHRASE = "six words that nobody would guess"
OTHER = "six words that somebody did guess"


@pytest.fixture(autouse=True)
def cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a guess costs is not what these tests are about."""
    monkeypatch.setattr(passphrases, "SCRYPT_N", 2)


def secret_key(number: int) -> DailyKey:
    """Return a key whose bytes nothing else resembles."""
    key = daily_key(("gaen", "bluezone")[number % 2], days_ago=number // 2 + 1)
    return key._replace(data=Random(number).randbytes(len(key.data)))


KEYS = [secret_key(number) for number in range(20)]


def add_keys(store: Store, keys: list[DailyKey] = KEYS) -> None:
    for key in keys:
        with store.transaction():
            store.keys.add(key, last_slot_s=key.ends_at_s - key.slot_s, exportable=True, closed=True)


def secrets_of(store: Store) -> list[bytes]:
    return sorted(own.key.data for own in store.keys.all())


def plaintext_in_files(state_dir: Path) -> list[int]:
    """Return which of the keys are anywhere in the store's files."""
    data = b"".join(path.read_bytes() for path in state_dir.iterdir())
    return [number for number, key in enumerate(KEYS) if key.data in data]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as opened:
        yield opened


def test_a_sealed_store_has_no_plain_key_in_any_byte_of_its_files(store: Store) -> None:
    receive(store, daily_key(number=77))
    add_keys(store)
    with store.transaction():
        assert store.keys.delete_before(KEYS[-4].ends_at_s) == 2  # rows come and go, and pages with them
    add_keys(store, KEYS[-2:])
    store.contacts.delete_oldest(5)
    assert len(plaintext_in_files(store.state_dir)) == len(KEYS), "the search finds what is there"
    assert store.encrypt(PASSPHRASE)
    assert plaintext_in_files(store.state_dir) == [], "while it is open"
    more = secret_key(99)
    add_keys(store, [more])
    store.close()
    assert plaintext_in_files(store.state_dir) == []
    assert more.data not in (store.state_dir / FILE_NAME).read_bytes()


def test_plain_copies_that_a_reader_holds_in_the_log_are_told_of(store: Store) -> None:
    add_keys(store)
    store._db.execute("PRAGMA busy_timeout=1")
    with Store(store.state_dir) as reader:
        reader._db.execute("BEGIN")
        reader._db.execute("SELECT * FROM daily_key").fetchall()
        with pytest.raises(StateInUseError, match="unencrypted copies stay in its write-ahead log"):
            store.encrypt(PASSPHRASE)
        reader._db.execute("COMMIT")
    store.close()
    assert plaintext_in_files(store.state_dir) == [], "they went with the last of them"


def test_sealed_keys_open_with_their_passphrase_and_no_other(store: Store) -> None:
    add_keys(store)
    before = store.keys.all()
    listed = store.keys.listed()
    store.encrypt(PASSPHRASE)
    assert store.keys.all() == before
    assert not store.encrypt(PASSPHRASE), "once more changes nothing"
    with Store(store.state_dir) as again:
        assert again.keys.encrypted
        assert again.keys.listed() == listed, "what is no secret needs no passphrase"
        for locked in (again.keys.all, lambda: add_keys(again, [secret_key(40)])):
            with pytest.raises(KeysEncryptedError, match=r"the keys in .*agent.db are encrypted") as caught:
                locked()
            assert "--passphrase-file" in caught.value.hint
            assert caught.value.exit_code == 78
        with pytest.raises(KeysEncryptedError, match="does not decrypt the keys"):
            again.keys.unlock(OTHER)
        with pytest.raises(KeysEncryptedError, match="are encrypted"):
            again.keys.all()
        again.keys.unlock(PASSPHRASE)
        assert again.keys.all() == before


def test_unsealing_has_them_plain_again(store: Store) -> None:
    add_keys(store)
    before = store.keys.all()
    store.encrypt(PASSPHRASE)
    with Store(store.state_dir) as again:
        with pytest.raises(KeysEncryptedError):
            again.decrypt()
        again.keys.unlock(PASSPHRASE)
        assert again.decrypt() == len(KEYS)
    with Store(store.state_dir) as again:
        assert not again.keys.encrypted
        assert again.keys.all() == before


def test_a_running_key_goes_on_sealed(store: Store) -> None:
    key = KEYS[0]
    store.encrypt(PASSPHRASE)
    with store.transaction():
        store.keys.add(key, last_slot_s=key.starts_at_s, exportable=True)
    with store.transaction():
        own = store.keys.running()
        assert own is not None
        assert own.key == key
        store.keys.advance(own, key.starts_at_s + key.slot_s)
        store.keys.close(own)
    (closed,) = store.keys.all()
    assert closed.key.data == key.data
    assert closed.key.ends_at_s == key.starts_at_s + key.slot_s or closed.closed


def test_no_sealed_secret_can_be_put_into_another_row(store: Store) -> None:
    """Two keys of one day: whoever can write the file can't pass one off as the other."""
    start, p = KEYS[0].starts_at_s, PROTOCOLS["gaen"]
    add_keys(store, [DailyKey("gaen", bytes([n]) * 16, start, start + DAY_S, p.slots_per_day) for n in (1, 2)])
    store.encrypt(PASSPHRASE)
    one, two = (row[0] for row in store._db.execute("SELECT data FROM daily_key ORDER BY id"))
    assert one != two
    store._db.executemany("UPDATE daily_key SET data = ? WHERE id = ?", [(b"", 2), (two, 1), (one, 2)])
    with pytest.raises(StoreDamagedError, match="daily_key 1"):
        store.keys.all()
    store._db.executemany("UPDATE daily_key SET data = ? WHERE id = ?", [(b"", 2), (one, 1), (two, 2)])
    store.keys.all()
    for column, value in (("starts_at_s", start + 600), ("protocol", "bluezone"), ("slots_per_day", 96)):
        with store._db as db:
            db.execute("BEGIN")
            db.execute(f"UPDATE daily_key SET {column} = ? WHERE id = 1", (value,))
            with pytest.raises(StoreDamagedError):
                store.keys.all()
            db.execute("ROLLBACK")


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["seal", "unseal", "add", "reopen", "expire"]), max_size=12))
def test_whatever_is_done_the_keys_are_the_same(steps: list[str]) -> None:
    """Sealing changes how a key lies in the file, never which keys there are."""
    with scratch_folder() as folder, ExitStack() as opened:
        store, expected = opened.enter_context(Store(folder)), list[bytes]()
        for number, step in enumerate(steps):
            if step == "seal":
                store.encrypt(PASSPHRASE)
            elif step == "unseal" and store.keys.encrypted:
                store.decrypt()
            elif step == "add":
                add_keys(store, [KEYS[number]])
                expected.append(KEYS[number].data)
            elif step == "reopen":
                encrypted = store.keys.encrypted
                store.close()
                store = opened.enter_context(Store(folder))
                assert store.keys.encrypted == encrypted
                if encrypted:
                    store.keys.unlock(PASSPHRASE)
            elif step == "expire":
                limit_s = KEYS[number].ends_at_s
                with store.transaction():
                    store.keys.delete_before(limit_s)
                expected = [key.data for key in KEYS if key.data in expected and key.ends_at_s >= limit_s]
            assert secrets_of(store) == sorted(expected)
        encrypted = store.keys.encrypted
        store.close()
        assert plaintext_in_files(folder) == (
            [] if encrypted else [n for n, key in enumerate(KEYS) if key.data in expected]
        )


@pytest.fixture
def encrypted_state(tmp_path: Path) -> Path:
    folder = tmp_path / "sealed"
    with Store(folder) as store:
        add_keys(store)
        store.encrypt(PASSPHRASE)
    return folder


def damage(folder: Path, table: str) -> None:
    """Write rubbish over the first page of a table."""
    with Store(folder) as store:
        (root,) = store._db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    with (folder / FILE_NAME).open("r+b") as file:
        file.seek((root - 1) * PAGE_SIZE)
        file.write(b"\xff" * PAGE_SIZE)


@pytest.mark.parametrize("table", ["contact_minute", "key_encryption"])
def test_the_sealed_keys_of_a_damaged_store_live_on_sealed(encrypted_state: Path, table: str) -> None:
    damage(encrypted_state, table)
    for wrong in ("", OTHER) if table != "key_encryption" else ("",):
        with pytest.raises(KeysEncryptedError):
            open_or_recover(encrypted_state, wrong)
        assert [path.name for path in encrypted_state.iterdir()] == [FILE_NAME], "nothing was set aside"
    store, recovery = open_or_recover(encrypted_state, PASSPHRASE)
    with store:
        assert recovery is not None
        assert recovery.keys == len(KEYS)
        assert store.keys.encrypted
        assert secrets_of(store) == sorted(key.data for key in KEYS)
    assert plaintext_in_files(encrypted_state) == []


def test_a_key_that_was_tampered_with_costs_itself_alone(encrypted_state: Path) -> None:
    with Store(encrypted_state) as store:
        store._db.execute("UPDATE daily_key SET starts_at_s = starts_at_s + 600 WHERE id = 3")
    store, recovery = open_or_recover(encrypted_state, PASSPHRASE)
    with store:
        assert recovery is not None
        assert secrets_of(store) == sorted(key.data for key in KEYS if key is not KEYS[2])


def test_a_start_with_a_passphrase_seals_and_one_without_is_refused(tmp_path: Path, encrypted_state: Path) -> None:
    with Store(tmp_path / "plain") as store:
        add_keys(store)
    store, recovery = open_or_recover(tmp_path / "plain", PASSPHRASE)
    with store:
        assert recovery is None
        assert store.keys.encrypted
    assert plaintext_in_files(tmp_path / "plain") == []
    before = (encrypted_state / FILE_NAME).read_bytes()
    shutil.copytree(encrypted_state, tmp_path / "copy")
    for passphrase in ("", OTHER):
        with pytest.raises(KeysEncryptedError):
            open_or_recover(encrypted_state, passphrase)
    assert (encrypted_state / FILE_NAME).read_bytes() == before
