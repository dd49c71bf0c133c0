"""``wipe``: what is left afterwards is what a device has that never ran."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import DailyKey, ObservedIdentifier, ReportType
from bluezone_agent.core.intervals import DAY_S, day_start_s
from bluezone_agent.core.journal import Started
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.stores.store import Store
from tests.exposed import received_key
from tests.program import TIMEOUT_S, Program

MARKS = [b"KEY-OF-THE-OWNER", b"RPI-OF-A-CONTACT", b"digest-of-a-case", b"fault-of-a-disk!"]
ADVERT = "received_at_s,rssi_dbm,data\n1.000,-60,02010403036ffd\n"

WORKING = """
import sys; from pathlib import Path; from bluezone_agent.stores.store import Store
with Store(Path(sys.argv[1])) as store: store.journal.read(); print("working", flush=True); sys.stdin.readline()
"""


@pytest.fixture
def owner(program: Program) -> Program:
    """Return a device that has lived: it has keys, contacts, an exposure, and a store that was set aside."""
    now_s = int(time.time())
    today = day_start_s(now_s)
    minutes = [
        ContactMinute(
            ObservedIdentifier("gaen", MARKS[1], b"AEM-"), now_s // 60, 3, -60.0, -70, -55, {-20: 3}, trusted=True
        )
    ]
    with Store(program.state_dir) as store:
        with store.transaction():
            store.keys.add(DailyKey("gaen", MARKS[0], today, today + DAY_S, 144), last_slot_s=today, exportable=True)
            store.contacts.add(minutes)
            found = (ReceivedMinute(now_s // 60, 50.0, 4),)
            store.exposures.add(received_key(MARKS[2].decode(), ReportType.CONFIRMED_TEST, 2, now_s, found))
            store.journal.put(Started(now_s, "gaen", sources=1))
        # the log still holds everything: the process dies here
        for suffix in ("", "-wal"):
            left = (program.state_dir / f"agent.db{suffix}").read_bytes()
            (program.state_dir / f"agent.damaged-1.db{suffix}").write_bytes(left + MARKS[3])
    return program


def left(folder: Path) -> list[str]:
    """Return what of the marks is in any file below ``folder``."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{mark!r} in {path}" for path in files for mark in MARKS if mark in path.read_bytes()]


def healthy(program: Program) -> str:
    """Return what `status` says, without the times."""
    done = program.run("status", "--json")
    return re.sub(r'"20\d\d-[^"]*Z"', '"TIME"', done.stdout) + done.stderr + str(done.returncode)


def test_nothing_is_left_and_the_state_is_a_fresh_ones(owner: Program, tmp_path: Path) -> None:
    assert len(left(owner.state_dir)) >= len(MARKS)
    done = owner.run("wipe", "--yes", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    deleted = [Path(path).name for path in json.loads(done.stdout)["deleted"]]
    assert {"agent.db", "agent.damaged-1.db", "agent.damaged-1.db-wal", "agent.lock"} <= set(deleted)
    assert list(owner.state_dir.iterdir()) == []
    (tmp_path / "new").mkdir()
    (tmp_path / "new/state").mkdir(0o700)
    fresh = Program(tmp_path / "new")
    assert healthy(owner) == healthy(fresh)
    for command in ("exposures", "contacts"):
        assert owner.run(command, "--json").stdout == fresh.run(command, "--json").stdout
    assert left(owner.state_dir) == []


def test_what_is_deleted_is_overwritten_first(owner: Program) -> None:
    """Who has the file open still, or finds its blocks, finds zeros."""
    with (owner.state_dir / "agent.damaged-1.db").open("rb") as file:
        assert MARKS[3] in file.read()
        assert owner.run("wipe", "--yes").returncode == 0
        file.seek(0)
        assert file.read().strip(b"\0") == b""
    hard = owner.home / "hard"
    owner.state_dir.joinpath("agent.db").write_bytes(MARKS[0] * 100_000)
    os.link(owner.state_dir / "agent.db", hard)
    assert owner.run("wipe", "--yes").returncode == 0
    assert left(owner.home) == []


def test_only_our_own_files_go(owner: Program) -> None:
    outside, diary = owner.home / "outside", owner.state_dir / "diary.txt"
    outside.write_bytes(MARKS[0])
    diary.write_text("mine")
    (owner.state_dir / "agent.damaged-2.db").symlink_to(outside)
    (owner.state_dir / "agent.damaged-3").mkdir()
    owner.config.write_text(f'metrics_file = "{outside}"\nrecord = "{diary}"\n')
    assert owner.run("wipe", "--yes").returncode == 0
    assert outside.read_bytes() == MARKS[0]
    assert {path.name for path in owner.state_dir.iterdir()} == {"diary.txt", "agent.damaged-3"}


def test_what_the_configuration_had_written_goes_too(owner: Program) -> None:
    metrics, record = owner.home / "agent.prom", owner.home / "heard.csv"
    metrics.write_text("# HELP bluezone_agent_running Whether\n")
    (owner.home / ".agent.prom.0123abcd.new").write_text("# HELP bluezone_agent_running Whe")
    record.write_text(ADVERT)
    owner.config.write_text(f'metrics_file = "{metrics}"\nrecord = "{record}"\n')
    code, said = owner.at_terminal("wipe", lines=["y"], columns=300)
    assert code == 0
    assert f"This file is deleted too: {record}" in said
    assert sorted(path.name for path in owner.home.iterdir()) == ["agent.toml", "state"]


def test_what_was_written_for_the_owners_page_goes_too(owner: Program) -> None:
    folder = owner.home / "page"
    folder.mkdir()
    (folder / "note.txt").write_text("mine")
    assert owner.run("page", BLUEZONE_PAGE=str(folder)).returncode == 0
    (folder / ".now.json.0123abcd.new").write_text("{}")
    assert len(list(folder.iterdir())) == 6
    assert owner.run("wipe", "--yes", BLUEZONE_PAGE=str(folder)).returncode == 0
    assert [path.name for path in folder.iterdir()] == ["note.txt"]


def test_without_a_yes_nothing_happens(owner: Program) -> None:
    code, said = owner.at_terminal("wipe", lines=["n"], columns=300)
    assert code == 130
    assert "This can't be undone" in said
    assert len(left(owner.state_dir)) >= len(MARKS)


def test_a_wrong_configuration_is_said_and_does_not_hold_it_up(owner: Program) -> None:
    owner.config.write_text("radio = 5\n")
    done = owner.run("wipe", "--yes")
    assert done.returncode == 0
    assert "agent.toml" in done.stderr
    assert list(owner.state_dir.iterdir()) == []


def test_while_an_agent_or_another_command_works_nothing_is_deleted(owner: Program) -> None:
    owner.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    working = subprocess.Popen(
        [sys.executable, "-c", WORKING, owner.state_dir],
        env=owner.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert working.stdout is not None
    assert working.stdout.readline() == "working\n"
    done = owner.run("wipe", "--yes")
    working.communicate("done\n", timeout=TIMEOUT_S)
    assert done.returncode == 75
    assert "another command is using" in done.stderr
    assert len(left(owner.state_dir)) >= len(MARKS)
    agent = owner.start("run")
    try:
        started(agent)
        done = owner.run("wipe", "--yes")
    finally:
        agent.terminate()
        agent.communicate(timeout=TIMEOUT_S)
    assert done.returncode == 75
    assert "an agent is running on" in done.stderr
    assert "stop it first" in done.stderr
    assert left(owner.state_dir) != []


def started(agent: subprocess.Popen[str]) -> None:
    assert agent.stderr is not None
    for line in agent.stderr:
        if "started" in line:
            return
    raise AssertionError("the agent did not start")
