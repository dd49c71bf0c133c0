"""``fetch`` and ``check`` as two processes: one with a network and no contacts, one with contacts and no network."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bluezone_agent.core.diagnosis_keys.key_export import write_key_export
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.key_sources.spool import MANIFEST, TOO_OLD_S, folder_of
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import AUTHORITY
from tests.key_sources.server import Answer, Site, serving
from tests.planting import newest_final_day_s
from tests.program import TIMEOUT_S, Program
from tests.receiving import receive

TODAY_S = newest_final_day_s() + DAY_S
KEY = DailyKey("gaen", b"\x07" * 16, TODAY_S - DAY_S, TODAY_S, 144)
PUBLIC_KEY = AUTHORITY.verification_key.to_pem()


class TwoProcesses:
    """The same configuration, each with a state of its own, and the folder between them."""

    def __init__(self, home: Path, site: Site) -> None:
        self.site, self.spool = site, home / "spool"
        self.spool.mkdir(mode=0o750)
        self.fetcher, self.checker = Program(home / "fetcher"), Program(home / "checker")
        for program in (self.fetcher, self.checker):
            program.home.mkdir()
            program.state_dir.mkdir(mode=0o700)
            program.config.write_text(
                f'clock_trusted = true\n[[source]]\nlocation = "{site.url}"\nlayout = "index"\nallow_http = true\n'
                f'[[source.key]]\nid = "452"\nversion = "v1"\npublic_key = """{PUBLIC_KEY}"""\n'
            )
        with Store(self.checker.state_dir) as store:
            receive(store, KEY)
        self.publish(KEY)

    def publish(self, *keys: DailyKey, name: str = "1.zip") -> None:
        data = write_key_export(map(DiagnosisKey, keys), AUTHORITY, start_s=0, end_s=TODAY_S, region="VN")
        self.site.answers[f"/{name}"] = Answer(data)
        names = sorted(path[1:] for path in self.site.answers if path.endswith(".zip"))
        self.site.answers["/index.txt"] = Answer("\n".join(names).encode())

    def fetch(self) -> subprocess.CompletedProcess[str]:
        return self.fetcher.run("fetch", BLUEZONE_SPOOL=str(self.spool))

    def check(self) -> subprocess.CompletedProcess[str]:
        """Check in a network namespace of its own, in which there is nothing, where that is permitted."""
        separated = ["unshare", "--net"] if os.geteuid() == 0 else []
        return subprocess.run(
            [*separated, *self.checker.command("check", "--json")],
            env=self.checker.environment() | {"BLUEZONE_SPOOL": str(self.spool)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    @property
    def folder(self) -> Path:
        (folder,) = self.spool.iterdir()
        return folder


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TwoProcesses]:
    with serving() as site:
        yield TwoProcesses(tmp_path, site)


def test_an_exposure_is_found_by_a_process_without_a_network(two: TwoProcesses) -> None:
    fetched = two.fetch()
    assert fetched.returncode == 0, fetched.stderr
    done = two.check()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [day["received_minutes"] for day in found["new_warnings"]] == [20]
    assert found["sources"][0]["name"] == two.site.url
    assert json.loads(two.check().stdout)["sources"][0]["files"] == [], "it is final"


def test_who_fetches_has_nothing_of_whom_the_device_met(two: TwoProcesses) -> None:
    two.fetch()
    with closing(sqlite3.connect(two.fetcher.state_dir / "agent.db")) as db:
        for table in ("contact_minute", "observed_identifier", "exposure", "warning", "notice", "daily_key"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_what_is_fetched_is_readable_for_the_group_and_no_other(two: TwoProcesses) -> None:
    two.fetch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in two.folder.iterdir()}
    assert (modes, stat.S_IMODE(two.folder.stat().st_mode)) == ({0o640}, 0o750)


def test_a_file_is_fetched_once_and_stays_for_a_check_that_comes_later(two: TwoProcesses) -> None:
    two.fetch()
    two.publish(KEY._replace(data=b"\x08" * 16), name="2.zip")
    assert two.fetch().returncode == 0
    assert two.site.paths.count("/1.zip") == 1
    assert [f["name"] for f in json.loads(two.check().stdout)["sources"][0]["files"]] == ["1.zip", "2.zip"]


def test_what_a_source_lacks_is_said_by_the_check_too(two: TwoProcesses) -> None:
    two.site.answers["/index.txt"] = Answer(b"1.zip\n3.zip")
    assert two.fetch().returncode == 1
    done = two.check()
    assert done.returncode == 1
    files = {f["name"]: f["verdict"] for f in json.loads(done.stdout)["sources"][0]["files"]}
    assert files == {"1.zip": "matched", "3.zip": "missing"}


def test_a_source_that_fails_fails_the_check(two: TwoProcesses) -> None:
    two.fetch()
    del two.site.answers["/index.txt"]
    two.fetch()
    done = two.check()
    assert done.returncode == 1
    assert "answers 404" in json.loads(done.stdout)["sources"][0]["error"]


def test_a_fetch_that_has_stopped_is_no_success(two: TwoProcesses) -> None:
    """The check alone would find the same files again and again, and call itself complete."""
    assert "was not fetched" in json.loads(two.check().stdout)["sources"][0]["error"]
    two.fetch()
    path = folder_of(two.spool, two.site.url) / MANIFEST
    manifest = json.loads(path.read_text())
    for late_s in (TOO_OLD_S + 60, -3600):
        path.write_text(json.dumps(manifest | {"fetched_at_s": int(time.time()) - late_s}))
        done = two.check()
        assert done.returncode == 1
        assert "no fetch has completed recently" in json.loads(done.stdout)["sources"][0]["error"]


def test_the_check_takes_nothing_in_the_spool_on_trust(two: TwoProcesses) -> None:
    """Whoever takes the fetch over can hold files back, and nothing else."""
    two.fetch()
    (file,) = [path for path in two.folder.iterdir() if path.name != MANIFEST]
    good = file.read_bytes()
    file.write_bytes(good[:-20] + b"\x00" * 20)
    assert json.loads(two.check().stdout)["days"] == [], "not signed by the pinned key"
    file.unlink()
    secret = two.checker.home / "secret"
    secret.write_bytes(good)
    file.symlink_to(secret)
    assert json.loads(two.check().stdout)["days"] == [], "no link is followed"
    file.unlink()
    os.mkfifo(file)
    assert two.check().returncode == 1, "nobody writes into the pipe, and the check does not wait"
    file.unlink()
    for manifest in (b"", b"{", b"[]", b'{"source": 1}', b"\xff", b"{}" * 10_000_000):
        (two.folder / MANIFEST).write_bytes(manifest)
        done = two.check()
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


def test_without_its_folder_it_says_who_sets_it(two: TwoProcesses) -> None:
    done = two.fetcher.run("fetch")
    assert done.returncode == 78
    assert "BLUEZONE_SPOOL" in done.stderr


def test_a_folder_of_this_device_needs_no_fetch(two: TwoProcesses) -> None:
    local = two.checker.home / "local"
    local.mkdir()
    (local / "1.zip").write_bytes(two.site.answers["/1.zip"].body)
    for program in (two.fetcher, two.checker):
        text = program.config.read_text()
        program.config.write_text(text.replace(two.site.url, str(local)).replace('layout = "index"\n', ""))
    assert two.fetch().returncode == 0
    assert list(two.spool.iterdir()) == []
    assert len(json.loads(two.check().stdout)["new_warnings"]) == 1
