"""Tokens of key servers: how long they are kept, for whom, and that no backup holds them; and when chaff is due."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.actions import backup
from bluezone_agent.actions.upload_keys import chaff_is_due
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import ChaffConsidered, Started
from bluezone_agent.stores.file.snapshot import Snapshot
from bluezone_agent.stores.store import Store
from bluezone_agent.stores.submission_tokens import LIFETIME_S, TokenKind
from tests.stores.test_journal import older

NOW_S = 1_600_000_000
A, B = "https://a.example/", "https://b.example/"
BACKUP = Path("a.backup")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def put(store: Store, server: str, kind: TokenKind, token: str, now_s: float = NOW_S) -> None:
    with store.transaction():
        store.tokens.put(server, kind, token, now_s)


@pytest.mark.parametrize("kind", TokenKind)
def test_a_token_is_good_for_its_server_and_its_time(store: Store, kind: TokenKind) -> None:
    put(store, A, kind, "one")
    put(store, B, kind, "two")
    put(store, A, kind, "three")
    assert store.tokens.get(A, kind, NOW_S) == "three"
    assert store.tokens.get(B, kind, NOW_S + LIFETIME_S[kind] - 1) == "two"
    assert store.tokens.get(A, kind, NOW_S + LIFETIME_S[kind]) is None
    assert store.tokens.get(A, kind, NOW_S - 1) is None, "it was received in what is now the future"
    (other,) = set(TokenKind) - {kind}
    assert store.tokens.get(A, other, NOW_S) is None


@pytest.mark.parametrize("after_s", [LIFETIME_S[TokenKind.REVISION], -1])
def test_expiry_deletes_tokens_that_are_no_longer_good(store: Store, after_s: int) -> None:
    for kind in TokenKind:
        put(store, A, kind, "SECRET-TOKEN" * 200)
    store.expire(NOW_S)
    assert store.tokens.get(A, TokenKind.VERIFICATION, NOW_S)
    store.expire(NOW_S + after_s)
    assert not store.tokens.any()
    assert b"SECRET-TOKEN" not in b"".join(path.read_bytes() for path in store.state_dir.iterdir())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=6))
def test_no_byte_of_a_token_is_in_a_backup(lengths: list[int]) -> None:
    with TemporaryDirectory() as folder, Store(Path(folder)) as store:
        for number, length in enumerate(lengths):
            put(store, f"https://{number % 4}.example/", list(TokenKind)[number % 2], "TOKEN" + "SECRET" * length)
        with store.transaction():
            store.journal.put(Started(NOW_S, "gaen"))
        data = store.copy()
        assert b"SECRET" not in data
        with Snapshot(data, BACKUP) as snapshot:
            assert b"SECRET" not in snapshot._db.serialize()
            assert snapshot.journal.get(Started) == Started(NOW_S, "gaen"), "the rest is there"
        assert store.tokens.any(), "the device keeps them"


def test_a_backup_made_by_an_older_version_loses_its_tokens_when_it_is_read(tmp_path: Path) -> None:
    older(tmp_path / "old", {"publication": (NOW_S, {"token": "SECRET" * 300, "token_at_s": NOW_S})})
    data = (tmp_path / "old" / "agent.db").read_bytes()
    assert b"SECRET" in data
    with Snapshot(data, BACKUP) as snapshot:
        assert b"SECRET" not in snapshot._db.serialize()
        backup.restore(tmp_path / "new", snapshot)
    with Store(tmp_path / "new") as restored:
        assert not restored.tokens.any()


@pytest.mark.parametrize("every_s", [3600, 4 * 3600, 24 * 3600])
def test_chaff_is_due_once_a_day_however_often_it_is_asked(store: Store, every_s: int) -> None:
    assert not chaff_is_due(store, NOW_S, lambda: 0.0)  # nothing is known of the time before
    draws = (n / 1000 for n in range(1000))
    due = sum(chaff_is_due(store, NOW_S + n * every_s, lambda: next(draws)) for n in range(1, 1001))
    assert abs(due - 1000 * every_s / 86_400) < 1


def test_a_clock_that_was_ahead_does_not_end_chaff(store: Store) -> None:
    with store.transaction():
        store.journal.put(ChaffConsidered(NOW_S + 365 * DAY_S))
    assert chaff_is_due(store, NOW_S, lambda: 0.99)
    assert store.journal.get(ChaffConsidered) == ChaffConsidered(NOW_S)
