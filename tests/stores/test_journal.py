"""The journal on a real SQLite file: typed records, what damage and other versions do to them, and older stores."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import (
    KINDS,
    Broadcasting,
    ChaffConsidered,
    Checked,
    Committed,
    KeysSubmitted,
    Notified,
    Proved,
    RadioState,
    Received,
    Reception,
    Record,
    Records,
    Refused,
    Silenced,
    Started,
    Used,
)
from bluezone_agent.core.reception import DiscardReason
from bluezone_agent.stores.store import Store
from bluezone_agent.stores.submission_tokens import TokenKind
from tests.stores.past import written_at

NOW_S = 1_600_000_000
RECORDS: tuple[Record, ...] = (
    Started(NOW_S, "gaen", 2, 1, ("privacy",)),
    Broadcasting(NOW_S, NOW_S + 600, 3),
    Refused(NOW_S, "no instance is free"),
    Received(NOW_S, {"gaen": 3, "bluezone": 4}, malformed=1, dropped=2),
    Committed(NOW_S, 5, clock_trusted=False),
    Checked(NOW_S, complete=False, sources=2, complete_at_s=NOW_S - 9),
    RadioState(NOW_S, "hci0", False, NOW_S - 5, "lost", "{a} is gone", {"a": "hci0"}, "active", 1, 2, 3),
    Proved(NOW_S, "hci1", -40),
    Notified(NOW_S, {"listen": NOW_S - 7, "check": None}),
    ChaffConsidered(NOW_S),
    KeysSubmitted(NOW_S, 15, 14, NOW_S - 1_209_600, NOW_S),
    Silenced(NOW_S, NOW_S + 400),
    Reception(NOW_S, 0.125),
    Used(NOW_S, running_s=900.5, cpu_s=1.25, wakeups=3, written_bytes=512),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def test_every_reason_to_discard_an_advertisement_has_its_count() -> None:
    assert {*DiscardReason, "dropped"} == set(Received(NOW_S).discarded)


def put(store: Store, *records: Record) -> None:
    with store.transaction():
        for record in records:
            store.journal.put(record)


def test_every_kind_comes_back_as_it_went_in(store: Store) -> None:
    assert {type(record) for record in RECORDS} == set(KINDS.values())
    put(store, *RECORDS)
    read = store.journal.read()
    for record in RECORDS:
        assert store.journal.get(type(record)) == record
        assert read.get(type(record)) == record


def test_the_newest_of_a_kind_is_kept_whatever_its_time(store: Store) -> None:
    """A clock that was set back must not keep what is written from now on from being read."""
    put(store, Committed(NOW_S + DAY_S, 1))
    put(store, Committed(NOW_S, 2))
    assert store.journal.get(Committed) == Committed(NOW_S, 2)


def test_what_is_not_there_is_absent(store: Store) -> None:
    assert store.journal.get(Started) is None
    assert store.journal.read().get(Started) is None
    assert Records([Committed(1)]).get(Started) is None


DAMAGE = [
    "{}",
    '{"at_s": 1600000001, "until_s": 5}',
    '{"at_s": 1600000000}',
    '{"at_s": 1600000000, "until_s": "5"}',
    '{"at_s": 1600000000, "until_s": 5, "rotations": 1.5}',
    '{"at_s": 1600000000, "until_s": ' + "9" * 400 + "}",
]


@pytest.mark.parametrize("text", DAMAGE)
def test_a_damaged_record_counts_as_absent(store: Store, text: str) -> None:
    put(store, Broadcasting(NOW_S, NOW_S + 600), Committed(NOW_S))
    store._db.execute("UPDATE journal SET record = ? WHERE kind = 'broadcasting'", (text,))
    assert store.journal.get(Broadcasting) is None
    assert store.journal.read().get(Broadcasting) is None
    assert store.journal.read().get(Committed) == Committed(NOW_S), "the others can be read"


@given(st.binary(max_size=60))
def test_no_text_in_place_of_a_record_raises(data: bytes) -> None:
    """What SQLite lets in is JSON of an object; the reader trusts it no further than that."""
    for kind in KINDS.values():
        try:
            msgspec.json.decode(data, type=kind)
        except (ValueError, RecursionError):
            continue


def test_a_record_of_another_version_or_kind_counts_as_absent(store: Store) -> None:
    put(store, Committed(NOW_S))
    store._db.execute("UPDATE journal SET version = 2")
    store._db.execute("INSERT INTO journal VALUES ('slept', 1, 5, '{}')")
    assert store.journal.get(Committed) is None
    assert store.journal.read().get(Committed) is None


def test_a_field_that_a_later_version_adds_is_ignored(store: Store) -> None:
    put(store, Committed(NOW_S, 5))
    store._db.execute("UPDATE journal SET record = json_set(record, '$.colour', 'red')")
    assert store.journal.get(Committed) == Committed(NOW_S, 5)


def test_a_fault_whose_message_cannot_be_filled_is_no_record(store: Store) -> None:
    put(store, RadioState(NOW_S, works=False, message="{a} broke", fields={"a": "x"}))
    store._db.execute("UPDATE journal SET record = json_set(record, '$.message', '{b} broke')")
    assert store.journal.get(RadioState) is None


# -- stores before the journal


def older(state_dir: Path, rows: dict[str, tuple[int, dict[str, Any]]]) -> None:
    """Make a store as it was before the journal."""
    if state_dir.exists():
        state_dir.rmdir()
    path = written_at("schema11", state_dir)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM sign_of_life")
        for name, (at_s, detail) in rows.items():
            db.execute("INSERT INTO sign_of_life VALUES (?, ?, ?)", (name, at_s, json.dumps(detail)))


def test_an_older_store_keeps_what_it_knew(tmp_path: Path) -> None:
    older(
        tmp_path,
        {
            "start": (NOW_S, {"protocol": "gaen", "sources": 2, "witnesses": 1, "linkable_anyway": ["privacy"]}),
            "broadcast": (NOW_S, {"until_s": NOW_S + 600, "rotations": 3}),
            "refused": (NOW_S, {"until_s": NOW_S + 600, "reason": "no instance is free"}),
            "heard": (NOW_S, {"gaen": 3, "bluezone": 4, "malformed": 1, "dropped": 2}),
            "commit": (NOW_S, {"minutes": 5, "clock_trusted": False}),
            "check": (NOW_S, {"complete": False, "sources": 2}),
            "complete_check": (NOW_S - 9, {}),
            "radio": (
                NOW_S,
                {"description": "hci0", "works": False, "message": "{a} is off", "fields": {"a": "hci0"}},
            ),
            "proved": (NOW_S, {"by": "hci1", "rssi_dbm": -40}),
            "told": (NOW_S, {"listen": NOW_S - 7}),
            "chaff": (NOW_S, {}),
            "something": (NOW_S, {"of": "another version"}),
        },
    )
    with Store(tmp_path) as store:
        read = store.journal.read()
        assert [read.get(type(record)) for record in RECORDS] == [
            *RECORDS[:6],
            RadioState(NOW_S, "hci0", False, None, "", "{a} is off", {"a": "hci0"}),
            RECORDS[7],
            Notified(NOW_S, {"listen": NOW_S - 7}),
            RECORDS[9],
            None,
            None,
            None,
            None,
        ]
        tables = {name for (name,) in store._db.execute("SELECT name FROM sqlite_schema")}
        assert "sign_of_life" not in tables
        assert not store.tokens.any()


@pytest.mark.parametrize(
    "publication",
    [
        {"token": 5, "token_at_s": None, "revision_token": {}},
        {"token": "x", "token_at_s": 10**30, "revision_token": ""},
        {"token": "x", "token_at_s": "soon"},
        {},
    ],
)
def test_what_an_older_store_has_damaged_does_not_stop_the_migration(
    tmp_path: Path, publication: dict[str, Any]
) -> None:
    older(
        tmp_path,
        {
            "broadcast": (NOW_S, {"until_s": "soon"}),
            "heard": (NOW_S, {"gaen": [], "dropped": None}),
            "complete_check": (NOW_S, {}),
            "publication": (NOW_S, publication),
        },
    )
    with Store(tmp_path) as store:
        assert store.journal.get(Broadcasting) is None
        assert store.journal.get(Received) is None
        assert store.journal.get(Checked) == Checked(NOW_S, complete=True, sources=0, complete_at_s=NOW_S)
        assert not store.tokens.any()


def test_tokens_of_an_older_store_are_still_good_for_any_server_until_they_expire(tmp_path: Path) -> None:
    secrets = {"token": "OLD-TOKEN" * 9, "token_at_s": NOW_S, "revision_token": "OLD-REVISION" * 300}
    older(tmp_path, {"publication": (NOW_S, secrets)})
    with Store(tmp_path) as store:
        for server in ("https://a.example/", "https://b.example/"):
            assert store.tokens.get(server, TokenKind.VERIFICATION, NOW_S + DAY_S - 1) == secrets["token"]
            assert store.tokens.get(server, TokenKind.VERIFICATION, NOW_S + DAY_S) is None
            assert store.tokens.get(server, TokenKind.REVISION, NOW_S + 14 * DAY_S - 1) == secrets["revision_token"]
        with store.transaction():
            store.tokens.delete_all()
    whole = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"OLD-TOKEN" not in whole
    assert b"OLD-REVISION" not in whole
