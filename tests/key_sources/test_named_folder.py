"""A signed index names its folder, so that one folder's files don't pass for another's of the same authority."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bluezone_agent.authority import publish
from bluezone_agent.core.diagnosis_keys.signed_index import (
    HIGHEST,
    LATEST_S,
    LONGEST_NAME,
    SIGNED_INDEX_NAME,
    SignedIndex,
    read_signed_index,
    write_signed_index,
)
from bluezone_agent.core.diagnosis_keys.submission import write_submission
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.errors import KeySourceError
from bluezone_agent.exposure_check.check import Check, PinnedSource
from bluezone_agent.exposure_check.report import SourceReport
from bluezone_agent.key_sources import open_source
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import AUTHORITY, NOW_S, daily_key
from tests.receiving import receive


class World:
    """A device that heard one person, and what the authority publishes in this folder and in that."""

    def __init__(self, home: Path, store: Store) -> None:
        self.home, self.store, self.served = home, store, home / "served"
        receive(store, daily_key())

    def publish(self, name: str, *numbers: int, now_s: float = NOW_S) -> Path:
        inbox = self.home / f"{name}.json"
        inbox.write_bytes(write_submission([daily_key(number=n) for n in numbers], None))
        publish.publish(
            [inbox],
            AUTHORITY,
            self.home / name,
            now_s,
            report_type=ReportType.CONFIRMED_TEST,
            region="VN",
            minimum=0,
        )
        return self.home / name

    def check(self, folder: Path, now_s: float = NOW_S + 60) -> SourceReport:
        """Check what lies at the one place that is configured."""
        shutil.rmtree(self.served, ignore_errors=True)
        shutil.copytree(folder, self.served)
        pinned = PinnedSource(open_source(str(self.served)), AUTHORITY.verification_key)
        (report,) = (
            Check(self.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=now_s).run([pinned]).sources
        )
        return report


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Store(tmp_path / "state") as store:
        yield World(tmp_path, store)


def index_of(folder: Path) -> SignedIndex:
    path = folder / SIGNED_INDEX_NAME
    return read_signed_index(str(path), path.read_bytes(), AUTHORITY.verification_key)


def test_another_folders_index_of_the_same_authority_is_refused(world: World) -> None:
    ours, other = world.publish("public", 1), world.publish("test", 2, now_s=NOW_S + 5)
    assert world.check(ours).complete
    report = world.check(other)
    assert str(report.error).endswith(
        'is the index of the folder "VN/test", but the folder here was "VN/public" before'
    )
    assert "renamed" in (report.error.hint if report.error else "")
    assert report.files == []
    assert world.check(ours).complete, "the name that was seen first stays"


def test_a_folder_keeps_its_name_wherever_it_lies_and_when_it_is_lost(world: World) -> None:
    ours = world.publish("public", 1)
    moved = world.home / "elsewhere"
    shutil.copytree(ours, moved)
    publish_again = world.publish("elsewhere", 2, now_s=NOW_S + 5)
    assert index_of(publish_again).folder == "VN/public"
    shutil.rmtree(ours)
    assert index_of(world.publish("public", 1, now_s=NOW_S + 9)).folder == "VN/public"


def test_an_index_of_the_format_before_is_read_until_a_name_was_seen(world: World) -> None:
    ours = world.publish("public", 1)
    new = index_of(ours)
    old = msgspec.json.encode({name: getattr(new, name) for name in ("sequence", "issued_at", "expires_at", "files")})
    envelope = {"index": old.decode(), "signature": msgspec.json.decode(msgspec.json.encode(AUTHORITY.sign(old)))}
    before = world.home / "before"
    shutil.copytree(ours, before)
    (before / SIGNED_INDEX_NAME).write_text(json.dumps(envelope))
    assert world.check(before).complete
    assert world.store.sources.all()[0].notes == {"sequence": str(new.sequence)}
    assert world.check(ours).complete
    assert 'the index of the folder ""' in str(world.check(before).error), "nor can an old index replace it"


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": HIGHEST + 1},
        {"sequence": -1},
        {"issued_at": LATEST_S + 1},
        {"expires_at": 2**63},
        {"expires_at": NOW_S * 1000},
        {"version": 3},
        {"version": 0},
        {"folder": "x" * (LONGEST_NAME + 1)},
    ],
)
def test_an_index_with_an_impossible_number_is_refused(changes: dict[str, object]) -> None:
    index = msgspec.structs.replace(SignedIndex(1, NOW_S, NOW_S + 9, ()), **changes)
    with pytest.raises(KeySourceError, match="is not a signed index"):
        read_signed_index("i", write_signed_index(index, AUTHORITY), AUTHORITY.verification_key)


def test_a_folders_name_is_cut_and_may_be_any_bytes(world: World) -> None:
    assert index_of(world.publish("x" * 200, 1)).folder == "VN/" + "x" * (LONGEST_NAME - 3)
    assert index_of(world.publish("\udcff", 1)).folder == "VN/\ufffd"
