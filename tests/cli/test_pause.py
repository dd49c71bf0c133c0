"""``pause`` and ``resume``, as a person runs them."""

import json
import time
from typing import Any

import pytest

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.stores.store import Store
from tests.exposed import received_key
from tests.program import TIMEOUT_S, Program

DAY = "2026-11-20"
DAY_MIN = 1_795_132_800 // 60


def state(program: Program) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(program.run("status", "--json").stdout)
    return found


def test_a_running_agent_is_paused_and_resumed_and_says_so(program: Program) -> None:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    agent = program.start("run")
    try:
        assert agent.stderr is not None
        assert any("started" in line for line in agent.stderr)
        paused = program.run("pause", "--for", "8h")
        while_paused, shown = state(program), program.run("status")
        doctor = program.run("doctor").stdout
        time.sleep(1)  # times are kept to the second
        resumed = program.run("resume")
        deadline_s = time.monotonic() + TIMEOUT_S
        while not ((after := state(program))["radio"]["works"] and after["healthy"]):
            assert time.monotonic() < deadline_s
    finally:
        agent.terminate()
        agent.communicate(timeout=TIMEOUT_S)
    assert paused.returncode == 0
    assert paused.stderr.startswith("paused until 20")
    assert (while_paused["healthy"], while_paused["problems"], while_paused["radio"]["fault"]) == (True, [], "paused")
    pause = while_paused["pause"]
    assert pause["mode"] == "paused"
    assert pause["until"].endswith("Z")
    assert shown.returncode == 0
    assert "! paused until 20" in shown.stdout
    assert shown.stdout.startswith("works, but:\n")
    assert "paused by its owner" in doctor
    assert "no new identifier" not in doctor
    assert resumed.stderr == "the pause has ended\n"
    assert (after["healthy"], after["pause"]) == (True, None)
    assert "paused by its owner" in program.run("contacts").stdout


def test_asked_for_while_none_runs_it_is_kept(program: Program) -> None:
    done = program.run("pause", "--for", "30m", "--protected", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["pause"]["mode"] == "protected"
    assert state(program)["pause"] == json.loads(done.stdout)["pause"]
    assert json.loads(program.run("resume", "--json").stdout)["was"]["mode"] == "protected"
    assert program.run("resume").stderr == "there was no pause\n"
    assert state(program)["pause"] is None


@pytest.mark.parametrize("wrong", ["", "8", "h", "8 h", "-1h", "0m", "8d", "1.5h", "99999d", "8s", "８h"])
def test_a_time_that_is_none_is_refused(program: Program, wrong: str) -> None:
    done = program.run("pause", f"--for={wrong}")
    assert done.returncode == 2
    assert f"{wrong} is not a duration from 1m to 7d: write for example 30m, 8h or 1d" in done.stderr


def test_protected_minutes_are_explained(program: Program) -> None:
    minutes = tuple(ReceivedMinute(DAY_MIN + 600 + i, 50.0, 4, protected=i < 12) for i in range(20))
    with Store(program.state_dir) as store, store.transaction():
        store.exposures.add(received_key("digest", ReportType.CONFIRMED_TEST, 1, DAY_MIN * 60, minutes))
    text = program.run("exposures", "explain", DAY).stdout
    assert "    8 min at 50.0-50.0 dB x 1.00 = 8.00\n    12 min at 50.0-50.0 dB, protected: not counted\n" in text
    assert "not reached" in text
    day = json.loads(program.run("exposures", "explain", DAY, "--json").stdout)["exposures"][0]
    assert [(t["minutes"], t["weight"], t["protected"]) for t in day["windows"][0]["terms"]] == [
        (8, 1.0, False),
        (12, 0.0, True),
    ]
    program.run("exposures", "explain", DAY, "--page", "day.html")
    assert "50 dB, protected" in (program.home / "day.html").read_text()
