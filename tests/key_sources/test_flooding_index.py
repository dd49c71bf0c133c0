"""A server whose index lists ever new names: what it may cost the device that asks it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
import stamina

from bluezone_agent.core.diagnosis_keys import PinnedKeys
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.core.source_records import KeyFileRecord, SourceRecord
from bluezone_agent.errors import KeyFileError, KeySourceError
from bluezone_agent.exposure_check.check import Check, PinnedSource
from bluezone_agent.exposure_check.report import CheckReport
from bluezone_agent.key_sources import open_source
from bluezone_agent.key_sources.index import MAX_LINES, MOST_NAMED
from bluezone_agent.stores import sources
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import AUTHORITY, NOW_S
from tests.program import Program

CHECKS_A_DAY = 6


class Flood(BaseHTTPRequestHandler):
    """Lists new names at each request, and has or does not have what it lists."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    has: ClassVar[bool] = False
    names: ClassVar[int] = 40

    def do_GET(self) -> None:
        found, status = b"not here", 404
        if self.path == "/index.txt":
            found = "\n".join(f"{random.getrandbits(256):064x}.zip" for _ in range(self.names)).encode()
            status = 200
        elif self.has and self.path.endswith(".zip"):
            found, status = b"PK\x03\x04 no zip", 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flood)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def check(store: Store, url: str, now_s: float) -> CheckReport:
    pinned = PinnedSource(open_source(url), PinnedKeys((AUTHORITY.verification_key,)))
    return Check(store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=now_s).run([pinned])


def test_files_that_are_not_there_leave_no_row_but_their_reason(tmp_path: Path, url: str) -> None:
    with Store(tmp_path / "state") as store:
        for number in range(3):
            (report,) = check(store, url, NOW_S + number).sources
            assert (len(report.files), report.complete) == (MOST_NAMED, False)
        assert store.sources.files(url) == []
        (kept,) = store.sources.all()
        assert str(kept.fault).startswith(
            f"can't fetch 40 of the files listed in {url}index.txt; the first error: {url}"
        )
        assert "answers 404 Not Found" in str(kept.fault)


def test_a_few_missing_files_are_the_fault_of_their_source(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Flood, "names", 3)
    with Store(tmp_path / "state") as store:
        (report,) = check(store, url, NOW_S).sources
        (kept,) = store.sources.all()
        assert (report.error, len(report.faults)) == (None, 3)
        assert str(kept.fault) == str(report.faults[0])
        store.sources.record(SourceRecord(url, NOW_S + 1))
        assert [s.fault for s in store.sources.all()] == [None], "it is said of the check that it happened in"


def test_a_file_that_was_there_once_says_that_it_is_missing(tmp_path: Path) -> None:
    with Store(tmp_path / "state") as store, store.transaction():
        store.sources.record_file(KeyFileRecord("s", "1", NOW_S, fault=KeyFileError("refused")))
        store.sources.record_file(KeyFileRecord("s", "1", NOW_S, fault=KeySourceError("gone")))
        assert [str(f.fault) for f in store.sources.files("s")] == ["gone"]


def test_refused_files_are_remembered_up_to_a_number(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flood, "has", True)
    monkeypatch.setattr(sources, "MOST_REFUSED", 60)
    with Store(tmp_path / "state") as store:
        for number in range(3):
            assert len(check(store, url, NOW_S + number).sources[0].faults) == 40
        kept = store.sources.files(url)
        assert (len(kept), kept[-1].tried_at_s) == (60, NOW_S + 2)


def test_accepted_files_are_remembered_up_to_twice_what_an_index_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources.MOST_FILES == 2 * MAX_LINES
    monkeypatch.setattr(sources, "MOST_FILES", 20)
    with Store(tmp_path / "state") as store, store.transaction():
        for number in range(30):
            store.sources.record_file(KeyFileRecord("s", str(number), NOW_S, "digest", final=True))
        store.sources.record_file(KeyFileRecord("other", "0", NOW_S, "digest"))
        store.sources.record(SourceRecord("s", NOW_S))
        assert [f.name for f in store.sources.files("s")] == [str(n) for n in range(10, 30)]
        assert len(store.sources.files("other")) == 1


@pytest.mark.slow
def test_a_week_of_floods_deletes_no_contact_minute(program: Program, *, long: bool) -> None:
    """10,000 new names a check, refused one by one in the short form too, and then a look at how it is."""
    names, checks = (MAX_LINES, 7 * CHECKS_A_DAY) if long else (2 * sources.MOST_REFUSED, 3)
    now_s = int(time.time())
    minutes = [
        ContactMinute(
            ObservedIdentifier("gaen", (n // 10).to_bytes(16, "big"), bytes(4)),
            now_s // 60 - n,
            9,
            -70.0,
            -80,
            -60,
            {-24: 9},
            trusted=True,
        )
        for n in range(1000)
    ]
    with Store(program.state_dir) as store:
        with store.transaction():
            store.contacts.add(minutes[::-1])
        before = len(store.contacts.minutes_of(store.contacts.identifiers("gaen")[0]))
        for number in range(checks):
            with store.transaction():
                for n in range(names):
                    fault: KeyFileError | KeySourceError = KeySourceError("{url} answers 404", url=f"{n:0100}")
                    if n % 2:
                        fault = KeyFileError("{name} is not an Exposure Notification key export", name=f"{n:0100}")
                    name = f"{number}-{n:0100}"
                    store.sources.record_file(KeyFileRecord("https://x/", name, now_s, fault=fault))
                store.sources.record(SourceRecord("https://x/", now_s))
        assert len(store.sources.files("https://x/")) == sources.MOST_REFUSED
        print(f"{store.used_bytes() / 2**20:.1f} MiB after {checks} checks of {names} names")
        assert store.cap() == 0
        assert len(store.contacts.minutes_of(store.contacts.identifiers("gaen")[0])) == before
    began_s = time.monotonic()
    done = program.run("status", "--json")
    print(f"status: {time.monotonic() - began_s:.2f} s, its process and its imports included")
    assert "Traceback" not in done.stderr
