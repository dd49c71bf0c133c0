"""``check``, as a person runs it: from the owner's export to the warning, and everything that can be refused."""

import functools
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import MinuteFold
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import signing_key
from tests.planting import newest_final_day_s
from tests.program import Program


class Town:
    """A case, a neighbour who stood next to it at 10:00 UTC, a day or two ago, and an authority."""

    def __init__(self, home: Path) -> None:
        self.case, self.neighbour = Program(home / "case"), Program(home / "neighbour")
        for person in (self.case, self.neighbour):
            person.home.mkdir()
        self.folder = self.case.home / "www"
        start = newest_final_day_s()
        self.met_s = start + 10 * 3600
        with Store(self.case.state_dir) as case, Store(self.neighbour.state_dir) as neighbour:
            for name, protocol in PROTOCOLS.items():
                key = DailyKey(name, b"\x07" * protocol.key_length, start, start + DAY_S, protocol.slots_per_day)
                fold = MinuteFold()
                for second in range(0, 1200, 20):
                    at_s = self.met_s + second
                    observed = protocol.decode(protocol.encode(key, protocol.identifier_at(key, at_s), -20))
                    assert observed is not None
                    fold.add(observed, -70, at_s, trusted=True)
                with case.transaction():
                    case.keys.add(key, last_slot_s=key.ends_at_s - key.slot_s, exportable=True)
                    running = case.keys.running()
                    assert running is not None
                    case.keys.close(running)
                with neighbour.transaction():
                    neighbour.contacts.add(fold.drain())
        block = self.case.run("authority", "init", "key", "--key-id", "452", "--location", self.folder).stdout
        self.neighbour.config.write_text("clock_trusted = true\n" + block)

    def publish(self, *options: str) -> None:
        assert self.case.run("keys", "export", "out.json", "--yes").returncode == 0
        done = self.case.run("authority", "publish", "out.json", "--key", "key", "--to", "www", *options)
        assert done.returncode == 0, done.stderr

    def check(self, *options: str) -> dict[str, Any]:
        done = self.neighbour.run("check", "--json", *options)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def refused(self) -> str:
        """Check, and return what is said when something is refused; the exposures of before stay."""
        done = self.neighbour.run("check")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "hint: " in done.stderr
        return done.stderr

    def exposures(self) -> list[dict[str, Any]]:
        return list(json.loads(self.neighbour.run("exposures", "--json").stdout)["days"])

    def file(self, pattern: str) -> Path:
        (path,) = self.folder.glob(pattern)
        return path

    def relocate(self, location: str) -> None:
        text = self.neighbour.config.read_text()
        self.neighbour.config.write_text(text.replace(json.dumps(str(self.folder)), json.dumps(location)))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


@pytest.fixture
def web(town: Town) -> Iterator[str]:
    """Serve the published folder with the standard library's own file server; return its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    town.folder.mkdir(exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=town.folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_from_export_to_warning_and_again(town: Town) -> None:
    town.publish()
    report = town.check()
    (day,) = report["new_warnings"]
    assert (day["degree"], day["received_minutes"], day["minutes_within_2m"]) == ("F1", 20, 20.0)
    assert {f["verdict"] for s in report["sources"] for f in s["files"]} == {"matched"}
    assert report["matched_keys"] == 2, "one of each protocol"
    again = town.check()
    assert (again["days"], again["new_warnings"]) == (report["days"], [])
    assert again["sources"][0]["files"] == []


def test_over_http(town: Town, web: str) -> None:
    town.publish()
    town.relocate(web)
    report = town.check()
    assert [d["received_minutes"] for d in report["days"]] == [20]
    assert report["sources"][0]["name"] == web


def test_a_contacts_keys_make_f2(town: Town) -> None:
    town.publish("--contact")
    assert [d["degree"] for d in town.check()["new_warnings"]] == ["F2"]


def test_for_a_person(town: Town) -> None:
    town.publish()
    done = town.neighbour.run("check", TZ="UTC")
    assert done.returncode == 0
    assert done.stdout.startswith(
        "You had close contact with a confirmed case (F0): you are F1.\nAvoid contact with others"
    )
    assert "10:00 to 10:20: 20 min within 2 m" in done.stdout
    assert done.stdout.count("Avoid contact with others") == 1
    assert f"{town.folder}: 2 new files, 2000 keys" in done.stderr, "each file is filled up to 1,000"


def test_in_vietnamese_it_still_works(town: Town) -> None:
    town.publish()
    done = town.neighbour.run("check", "--lang", "vi")
    assert done.returncode == 0
    assert "F1" in done.stdout


def test_nothing_published_is_no_exposure(town: Town) -> None:
    town.folder.mkdir()
    assert town.check()["days"] == []
    said = town.neighbour.run("check").stdout
    assert said.startswith("It is not known whether you were exposed:\n- the device did not scan"), "not scanning"
    with Store(town.neighbour.state_dir) as store, store.transaction():
        store.listening.begin(time.time() - 7200, "active")
        store.listening.extend(time.time() - 3600)
    said = town.neighbour.run("check", TZ="UTC").stdout
    assert re.match(r"No exposure detected from 20\S+ \S+ to 20\S+ \S+\. The device scanned 50% of that time,", said)


def test_an_unsigned_file_is_refused_by_name(town: Town) -> None:
    town.publish()
    town.file("bluezone/*.sig").unlink()
    said = town.refused()
    assert f"error: bluezone/{town.file('bluezone/*.json').name} is not signed" in said
    assert "hint: only files signed with key 452 v1 are accepted" in said
    assert [d["received_minutes"] for d in town.exposures()] == [20], "the other protocol's file is believed"


@pytest.mark.parametrize(
    ("number", "version", "says"),
    [
        (2, "v1", "does not match its signature by key 452 v1"),
        (1, "v2", 'is signed by "452" "v2", not exactly once by the pinned "452" "v1"'),
    ],
    ids=["another key", "another version"],
)
def test_a_wrongly_signed_file_is_refused_by_name(town: Town, number: int, version: str, says: str) -> None:
    town.publish()
    data = town.file("bluezone/*.json")
    data.with_name(data.name + ".sig").write_bytes(signing_key(number, "452", version).sign(data.read_bytes()))
    said = town.refused()
    assert f"error: bluezone/{data.name} {says}" in said
    assert [d["received_minutes"] for d in town.exposures()] == [20], "the other protocol's file is believed"


@pytest.mark.parametrize("pattern", ["gaen/*.zip", "bluezone/*.json", "bluezone/*.sig"])
def test_a_truncated_file_is_refused_by_name_and_read_again(town: Town, pattern: str) -> None:
    town.publish()
    path = town.file(pattern)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert str(path.relative_to(town.folder)).removesuffix(".sig") in town.refused()
    path.write_bytes(whole)
    assert town.check()["matched_keys"] == 2


def test_a_source_that_is_gone_is_named_and_nothing_is_lost(town: Town) -> None:
    town.publish()
    town.check()
    town.folder.rename(town.case.home / "moved")
    said = town.refused()
    assert f"error: can't read {town.folder}: No such file or directory" in said
    assert "hint: check the location in [[source]]" in said
    assert len(town.exposures()) == 1


def test_names_from_outside_cannot_write_on_the_terminal(town: Town) -> None:
    town.folder.mkdir()
    (town.folder / "a\x1b[2J\nb.zip").write_bytes(b"PK")
    said = town.refused()
    assert "\x1b" not in said
    assert "a\\x1b[2J\\x0ab.zip is not an Exposure Notification key export" in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("MFkw", "AAAA", "the public_key of 452 v1 can't be read"),
        ('location = "', 'location = "ftp://', "is neither a path nor an http address"),
        ('location = "', 'location = "http://keys.example.org', "is not https"),
    ],
)
def test_a_mistake_in_a_source_is_named(town: Town, old: str, new: str, says: str) -> None:
    text = town.neighbour.config.read_text()
    assert old in text
    town.neighbour.config.write_text(text.replace(old, new))
    done = town.neighbour.run("check")
    assert done.returncode == 78
    assert says in done.stderr
    assert "hint: " in done.stderr


def test_without_a_source_it_says_how_to_add_one(program: Program) -> None:
    done = program.run("check")
    assert done.returncode == 78
    assert "no source of diagnosis keys is configured" in done.stderr
    assert "config init" in done.stderr


def test_a_clock_that_is_not_trusted_is_said(town: Town) -> None:
    town.publish()
    text = town.neighbour.config.read_text()
    town.neighbour.config.write_text(text.replace("clock_trusted = true", "clock_trusted = false"))
    done = town.neighbour.run("check", "--json")
    trusted = SystemClock().synchronised()
    found = json.loads(done.stdout)
    assert found["matched_keys"] == (2 if trusted else 0), "nothing is decided"
    assert found["sources"][0]["files"][0]["keys"] == 1000, "but files are fetched and verified"
    assert ("the clock is not synchronised" in done.stderr) is not trusted
