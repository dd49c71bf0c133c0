"""Whatever goes wrong, nothing that is written tells a key, an identifier or an address but the store's own rows."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.file.open import FILE_NAME
from tests.faults.leaks import Finder

pytestmark = pytest.mark.slow

COMMANDS: Final = (
    "status",
    "status --json",
    "status --prometheus",
    "contacts",
    "contacts --json",
    "exposures",
    "exposures --json",
    "keys list",
    "keys list --json",
    "keys sources",
    "keys sources --json",
    "doctor",
)
BYTES: Final = bytes(range(0xB9, 0xC9))


@dataclass(frozen=True, slots=True)
class Activity:
    """What was left of the days."""

    folder: Path
    stderr: str
    commands: str
    keys: list[bytes]
    identifiers: list[bytes]
    addresses: list[bytes]
    others: list[bytes]

    @property
    def everything(self) -> list[bytes]:
        return self.keys + self.identifiers + self.addresses + self.others


@pytest.fixture(scope="module")
def life(long: bool) -> Iterator[Activity]:
    """Fourteen days; in the short form two."""
    with scratch_folder() as folder:
        (folder / "tmp").mkdir()
        environment = os.environ | {"TMPDIR": str(folder / "tmp"), "BLEAK_LOGGING": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.canary", str(folder), str(14 if long else 2)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr[-3000:]
        said = ""
        for command in COMMANDS:
            options = ["--state-dir", str(folder / "a"), *command.split()]
            ran = subprocess.run(
                [sys.executable, "-m", "bluezone_agent", *options],
                env=environment,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            assert "Traceback" not in ran.stderr
            said += ran.stdout + ran.stderr
        secrets = {kind: [bytes.fromhex(one) for one in all_] for kind, all_ in json.loads(done.stdout).items()}
        yield Activity(folder, done.stderr, said, **secrets)


def test_the_days_were_as_bad_as_they_should_be(life: Activity) -> None:
    """Else the search below would find nothing because there was nothing."""
    for event in (
        "minutes_committed",
        "minutes_not_committed",
        "identifier_not_committed",
        "radio_lost",
        "clock_distrusted",
        "minutes_dated",
        "device_was_suspended",
        "identifier_rotated",
    ):
        assert f"event='{event}'" in life.stderr, event
    assert "Traceback" in life.stderr
    assert "a mistake of ours: Advert(advertising_data=AdvertisingData(" in life.stderr
    said = (life.folder / "said").read_text()
    for words in (
        "already exists and is never overwritten",
        "BadSignatureError",
        "matched_keys=1, days=(",
        "discarded_adverts=",
    ):
        assert words in said, words
    assert len(life.identifiers) > 200
    assert len(life.addresses) > 200
    assert len(life.keys) > 2


@pytest.mark.timeout(1800)
def test_nothing_that_is_said_tells_a_secret(life: Activity) -> None:
    """Neither what the log prints, nor what it was handed before the net for others' words."""
    finder = Finder(life.everything)
    texts = {"stderr": life.stderr, "commands": life.commands}
    texts |= {name: (life.folder / name).read_text() for name in ("said", "events")}
    for name, text in texts.items():
        assert finder.count(text.encode()) == Counter(), name


def test_no_other_file_is_left(life: Activity) -> None:
    """What the test made itself apart: the published files and the export."""
    assert {path.name for path in life.folder.iterdir()} == {
        "a",
        "b",
        "tmp",
        "published",
        "export.json",
        "said",
        "events",
    }
    assert list((life.folder / "tmp").iterdir()) == []
    for store in ("a", "b"):
        assert {path.name for path in (life.folder / store).iterdir()} <= {FILE_NAME, "agent.lock"}


@pytest.mark.parametrize("name", ["a", "b"])
def test_the_store_holds_secrets_in_its_live_rows_alone(life: Activity, name: str) -> None:
    """A copy of the live rows, made anew by SQLite, has as many occurrences of each as the file itself."""
    path = life.folder / name / FILE_NAME
    with closing(sqlite3.connect(path)) as db:
        db.execute("VACUUM INTO ?", (str(life.folder / f"{name}.live"),))
    live = (life.folder / f"{name}.live").read_bytes()
    (life.folder / f"{name}.live").unlink()
    finder = Finder(life.everything, raw=True)
    in_file, in_rows = finder.count(path.read_bytes()), finder.count(live)
    assert in_file == in_rows
    assert in_rows, "nothing is in the file at all"
    assert not set(in_rows) & set(life.addresses + life.others)
    received = set(in_rows) & set(life.identifiers)
    assert 0 < len(received) < len(life.identifiers) / 2, "half of them are over"
    assert bool(set(in_rows) & set(life.keys)) == (name == "a"), "the other one's are sealed"


@pytest.mark.parametrize(
    "form",
    [
        bytes,
        lambda data: data.hex().encode(),
        lambda data: data.hex(":").upper().encode(),
        lambda data: b"x" + base64.b64encode(data),
        lambda data: base64.urlsafe_b64encode(b"1" + data + b"2"),
        lambda data: base64.b64encode(b"12" + data),
        lambda data: data[::-1],
        lambda data: data[::-1].hex().encode(),
        lambda data: str(int.from_bytes(data, "big")).encode(),
        lambda data: str(int.from_bytes(data, "little")).encode(),
        lambda data: repr(data).encode(),
        lambda data: repr(list(data)).encode(),
    ],
)
@pytest.mark.parametrize("length", [6, 12, 16])
def test_the_search_finds_every_form(form: Callable[[bytes], bytes], length: int) -> None:
    secret = BYTES[:length]
    finder = Finder([secret])
    assert finder.count(b"event='x' " + form(secret) + b" end")[secret] > 0
    assert finder.count(b"event='x' " + form(BYTES[1 : length + 1]) + b" end") == Counter()
