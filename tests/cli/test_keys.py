"""``keys``, as a person runs it."""

import json
import stat
import time

import pytest

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, day_start_s
from bluezone_agent.stores.store import Store
from tests.program import TIMEOUT_S, Program


@pytest.fixture
def owner(program: Program) -> Program:
    """Return a device with a key of yesterday, and one of today that is on the air."""
    today = day_start_s(time.time())
    with Store(program.state_dir) as store, store.transaction():
        for start, number in ((today - DAY_S, 1), (today, 2)):
            key = DailyKey("gaen", number.to_bytes(16, "big"), start, start + DAY_S, 144)
            running = store.keys.running()
            if running is not None:
                store.keys.close(running)
            last_s = key.slot_start_s(min(time.time(), key.ends_at_s - 1))
            store.keys.add(key, last_slot_s=last_s, exportable=True)
    return program


def exported(program: Program, *arguments: str) -> tuple[int, str]:
    done = program.run("keys", "export", *arguments)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_an_export_cuts_the_running_key_and_writes_a_private_file(owner: Program) -> None:
    done = owner.run(
        "keys", "export", "out.json", "--yes", "--onset", time.strftime("%Y-%m-%d", time.gmtime()), "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    path = owner.home / "out.json"
    assert json.loads(done.stdout) == {"file": "out.json", "keys": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = json.loads(path.read_text())["keys"]
    assert sorted(k["days_since_onset"] for k in keys) == [-1, 0]
    assert max(k["ends_at"] for k in keys) <= time.time() + 600, "the running key ends with its present slot"
    listed = json.loads(owner.run("keys", "list", "--json").stdout)["keys"]
    assert [k["on_air"] for k in listed] == [False, False]
    shown = owner.run("keys", "list").stdout
    assert not any(k["key"] in shown + json.dumps(listed) for k in keys)


def test_days_limit_the_export(owner: Program) -> None:
    assert exported(owner, "out.json", "--yes", "--days", "1")[0] == 0
    assert len(json.loads((owner.home / "out.json").read_text())["keys"]) == 1


def test_without_a_yes_nothing_happens(owner: Program) -> None:
    code, said = owner.at_terminal("keys", "export", "out.json", lines=["n"], columns=300)
    assert code == 130
    assert "Anyone with the file can tell which advertisements were yours" in said
    assert not (owner.home / "out.json").exists()
    assert json.loads(owner.run("keys", "list", "--json").stdout)["keys"][1]["on_air"] is True


@pytest.mark.parametrize(
    ("file", "arguments", "says"),
    [
        ("diary.txt", [], "diary.txt already exists and is never overwritten"),
        ("no/out.json", [], "can't write no/out.json: No such file or directory"),
        ("out.json", ["--onset", "2999-01-01"], "symptoms can't have begun on 2999-01-01, which is in the future"),
    ],
)
def test_a_refused_export_says_why_and_loses_nothing(
    owner: Program, file: str, arguments: list[str], says: str
) -> None:
    (owner.home / "diary.txt").write_text("my diary")
    code, said = exported(owner, file, "--yes", *arguments)
    assert code == 1
    assert f"bluezone-agent: error: {says}\nbluezone-agent: hint: " in said
    assert (owner.home / "diary.txt").read_text() == "my diary"
    assert len(json.loads(owner.run("keys", "list", "--json").stdout)["keys"]) == 2


def test_no_keys_are_said(program: Program) -> None:
    code, said = exported(program, "out.json", "--yes")
    assert code == 1
    assert "there are no keys to export for these days" in said
    assert not (program.home / "out.json").exists()


def test_a_running_agent_has_a_new_key_on_the_air_when_the_export_returns(program: Program) -> None:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\nprotocol = "gaen"\n')
    agent = program.start("run")
    try:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not json.loads(program.run("keys", "list", "--json").stdout)["keys"]:
            assert time.monotonic() < deadline_s, "still no key on the air"
            time.sleep(0.2)
        code, said = exported(program, "out.json", "--yes")
        assert code == 0, said
        old, new = json.loads(program.run("keys", "list", "--json").stdout)["keys"]
    finally:
        agent.terminate()
        agent.communicate(timeout=TIMEOUT_S)
    assert (old["on_air"], new["on_air"]) == (False, True)
    (written,) = json.loads((program.home / "out.json").read_text())["keys"]
    assert written["ends_at"] <= time.time() + 600
