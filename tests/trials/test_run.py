"""``trial run`` as a process: marks by command and socket, a stop, and the same command again."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bluezone_agent.trials.append import read_json_lines
from bluezone_agent.trials.folder import EVENTS, MARKS, TrialFolder
from bluezone_agent.trials.packets import chunks
from bluezone_agent.trials.records import (
    EVENTS_DECODER,
    MARKS_DECODER,
    PhaseBegan,
    SessionBegan,
    TrialBegan,
    TrialEnded,
    TrialMark,
)
from tests.program import Program
from tests.trials.plans import PLAN, made

pytestmark = pytest.mark.slow


@pytest.fixture
def program() -> Iterator[Program]:
    """A home with a short name: the path of a socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="bluezone-") as folder:
        program = Program(Path(folder))
        program.state_dir.mkdir(mode=0o700)
        program.config.write_text("clock_trusted = true\n")
        yield program


def started(program: Program, trial: TrialFolder, node: str) -> subprocess.Popen[str]:
    """Start a recorder and wait until it answers."""
    before = len(chunks(trial.device(node)))
    running = program.start("trial", "run", trial.path, "--node", node, "--radio", "virtual")
    while not (trial.device(node) / "trial.sock").exists() or len(chunks(trial.device(node))) == before:
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    return running


def ended(running: subprocess.Popen[str]) -> int:
    running.communicate()
    return running.returncode


def marks_of(trial: TrialFolder, node: str) -> list[TrialMark]:
    return list(read_json_lines(trial.device(node) / MARKS, MARKS_DECODER))


def asked(trial: TrialFolder, node: str, lines: str) -> list[str]:
    """Send lines to a recorder's socket; return its answers."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(trial.device(node) / "trial.sock"))
        asking.sendall(lines.encode())
        asking.shutdown(socket.SHUT_WR)
        with asking.makefile() as answers:
            return answers.read().splitlines()


def test_marks_a_stop_and_a_second_run(program: Program) -> None:
    trial = made(program.home / "t")
    running = started(program, trial, "a")
    assert program.run("trial", "mark", trial.path, "window  open", "--json").stdout == (
        '{\n  "devices": [\n    "a"\n  ]\n}\n'
    )
    assert asked(trial, "a", "mark a,b=1.5 facing\nmark \nfly\nstop now\n") == [
        "ok",
        "error: a mark needs a text of up to 500 characters, or a distance",
        "error: mark TEXT, stop or watch",
        "error: mark TEXT, stop or watch",
    ]
    refused = program.run("trial", "mark", trial.path, "--distance", "a,c=1")
    assert 'there is no device "c" in the plan' in refused.stderr
    assert "already recording" in program.run("trial", "run", trial.path, "--node", "a").stderr
    assert program.run("trial", "stop", trial.path).stderr == "stopped: a\n"
    assert ended(running) == 0
    assert [(mark.text, mark.distances) for mark in marks_of(trial, "a")] == [
        ("window open", ()),
        ("facing", (("a", "b", 1.5),)),
    ]
    nobody = program.run("trial", "mark", trial.path, "late")
    assert "no device records the trial" in nobody.stderr
    assert nobody.returncode == 1

    running = started(program, trial, "a")
    running.send_signal(signal.SIGTERM)
    assert ended(running) == 0
    events = list(read_json_lines(trial.device("a") / EVENTS, EVENTS_DECODER))
    assert [type(e) for e in events if isinstance(e, SessionBegan | TrialBegan | TrialEnded)] == [
        SessionBegan,
        TrialBegan,
        TrialEnded,
        SessionBegan,
        TrialEnded,
    ]
    assert not any(event.complete for event in events if isinstance(event, TrialEnded))
    assert len(chunks(trial.device("a"))) == 2


def test_a_killed_recorder_is_started_again_and_finishes_in_time(program: Program) -> None:
    trial = made(program.home / "t", PLAN.replace("minutes = 1\n", "minutes = 0.05\n").replace("0.5\n", "0.1\n"))
    running = started(program, trial, "a")
    running.kill()
    running.communicate()
    done = program.run("trial", "run", trial.path, "--node", "a", "--radio", "virtual", "--json")
    assert msgspec.json.decode(done.stdout)["complete"]
    events = list(read_json_lines(trial.device("a") / EVENTS, EVENTS_DECODER))
    (began,) = [event for event in events if isinstance(event, TrialBegan)]
    over = events[-1]
    assert isinstance(over, TrialEnded)
    assert over.boottime_ns - began.boottime_ns >= 9e9
    assert "two" in [event.name for event in events if isinstance(event, PhaseBegan)]
    again = program.run("trial", "run", trial.path, "--node", "a", "--radio", "virtual")
    assert "has recorded this trial to its end" in again.stderr


def test_what_is_wrong_is_said_before_anything_is_recorded(program: Program) -> None:
    trial = made(program.home / "t")
    assert 'no device "z" in the plan' in program.run("trial", "run", trial.path, "--node", "z").stderr
    (trial.path / "secret.toml").chmod(0o644)
    assert "chmod 600" in program.run("trial", "check", trial.path).stderr
    (trial.path / "secret.toml").chmod(0o600)
    secret = (trial.path / "secret.toml").read_text()
    (trial.path / "secret.toml").write_text(secret.replace('"\n', '00"\n'))
    refused = program.run("trial", "check", trial.path)
    assert "has no secret of 64 hexadecimal digits" in refused.stderr
    assert secret.split('"')[1][:16] not in refused.stderr
    (trial.path / "secret.toml").unlink()
    assert "secret.toml too" in program.run("trial", "check", trial.path).stderr
    (trial.path / "secret.toml").write_text(secret)
    (trial.path / "secret.toml").chmod(0o600)
    no_radio = program.run("trial", "run", trial.path, "--node", "a", "--radio", "bluez:hci0")
    assert no_radio.returncode == 69
    assert not chunks(trial.device("a"))
    found = program.run("trial", "check", trial.path, "--node", "a", "--radio", "virtual", "--json")
    assert found.returncode == 0, found.stderr
    assert msgspec.json.decode(found.stdout)["radio"] == "virtual"


def test_a_folder_is_never_overwritten(program: Program) -> None:
    assert program.run("trial", "new", "office", "t").returncode == 0
    assert "already exists" in program.run("trial", "new", "office", "t").stderr
    assert program.run("trial", "simulate", "t", "-q").returncode == 0
    assert "has recordings already" in program.run("trial", "simulate", "t").stderr
