"""``run`` and what is said about it: a process of its own, on the virtual radio or on none."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.program import TIMEOUT_S, Program


def until(agent: subprocess.Popen[str], program: Program, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first status of a running agent that is ``done``."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not done(seen := status(program)):
        assert agent.poll() is None, agent.communicate()[1]
        assert time.monotonic() < deadline_s, seen
        time.sleep(0.2)
    return seen


def status(program: Program) -> dict[str, Any]:
    out = program.run("status", "--json").stdout
    return dict(json.loads(out))


@pytest.fixture
def virtual(program: Program) -> Program:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    return program


def stopped(agent: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    agent.send_signal(how)
    _, said = agent.communicate(timeout=TIMEOUT_S)
    return agent.returncode, said


def test_it_broadcasts_hears_and_stores_and_stops_cleanly(virtual: Program) -> None:
    agent = virtual.start("run")
    try:
        seen = until(agent, virtual, lambda seen: seen["running"] and seen["rotations"] > 0)
        assert (seen["healthy"], seen["problems"], seen["radio"]["description"], seen["protocol"]) == (
            True,
            [],
            "virtual",
            "bluezone",
        )
        time.sleep(3)  # so that the neighbours are heard, four times a second
    finally:
        code, said = stopped(agent)
    assert code == 0, said
    assert "event='stopped'" in said
    received = json.loads(virtual.run("contacts", "--json").stdout)
    assert sum(hour["identifiers"] for hour in received["hours"]) >= 1
    assert status(virtual)["problems"] == ["not_running"]
    assert virtual.run("status").returncode == 1


def test_a_terminal_that_is_closed_ends_it_as_a_stop_does(virtual: Program) -> None:
    agent = virtual.start("run", "--no-check")
    try:
        until(agent, virtual, lambda seen: seen["running"] and seen["received_at"] is not None)
    finally:
        code, said = stopped(agent, signal.SIGHUP)
    assert code == 0, said
    assert "event='stopped'" in said
    received = json.loads(virtual.run("contacts", "--json").stdout)
    assert sum(hour["identifiers"] for hour in received["hours"]) >= 1, "the minute that was running is kept"


def test_a_second_one_on_the_same_state_is_refused(virtual: Program) -> None:
    agent = virtual.start("run")
    try:
        until(agent, virtual, lambda seen: seen["running"])
        second = virtual.run("run")
    finally:
        stopped(agent, signal.SIGINT)
    assert second.returncode == 75
    assert f"error: another agent is running on {virtual.state_dir}" in second.stderr
    assert "hint: stop it first, or use a separate folder for this one" in second.stderr
    assert agent.returncode == 0


def test_without_bluetooth_it_says_so_and_what_to_do(program: Program) -> None:
    done = program.run("run")
    assert done.returncode == 69
    assert "bluezone-agent: error:" in done.stderr
    assert "bluezone-agent demo" in done.stderr
    assert 'radio = "virtual"' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recording_is_lived_through_to_its_end(program: Program) -> None:
    recording = program.home / "air.csv"
    program.config.write_text(f'radio = "replay:{recording}"\nclock_trusted = true\n')
    advertising_data = "03036ffd17166ffd" + "ab" * 20
    recording.write_text(
        "received_at_s,rssi_dbm,data\n" + "".join(f"{i / 10},-60,{advertising_data}\n" for i in range(30))
    )
    done = program.run("run")
    assert done.returncode == 0, done.stderr
    assert status(program)["received_adverts"] == 30
    recording.write_text("received_at_s,rssi_dbm,data\nsoon,-60,00\n")
    broken = program.run("run")
    assert broken.returncode == 1
    assert f"{recording}, line 2: " in broken.stderr
    assert "(found: soon,-60,00)" in broken.stderr


@pytest.mark.parametrize("command", [["status"], ["contacts"], ["exposures"], ["keys", "list"]])
def test_commands_answer_on_a_fresh_device(program: Program, command: list[str]) -> None:
    done = program.run(*command, "--json")
    assert isinstance(json.loads(done.stdout), dict)
    assert "Traceback" not in done.stderr


def test_every_command_explains_itself_in_both_languages(program: Program) -> None:
    commands = ["run", "demo", "status", "contacts", "check", "exposures", "keys", "authority", "replay", "config"]
    for name in commands:
        english, vietnamese = program.run(name, "--help"), program.run(name, "--help", LANGUAGE="vi")
        assert english.returncode == vietnamese.returncode == 0, english.stderr + vietnamese.stderr
        assert english.stdout != vietnamese.stdout
    assert all(f"  {name} " in program.run("--help").stdout for name in commands)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('protokol = "gaen"', ["agent.toml", 'unknown setting "protokol"', "did you mean protocol?"]),
        ("protocol = [", ["agent.toml", "not valid TOML", "config check"]),
    ],
)
def test_a_mistake_in_the_configuration_ends_with_78(program: Program, text: str, said: list[str]) -> None:
    program.config.write_text(text)
    for command in (["run"], ["check"], ["config", "check"]):
        done = program.run(*command)
        assert done.returncode == 78
        assert all(part in done.stderr for part in said), done.stderr


def test_a_state_directory_that_cannot_be_made_is_named(program: Program) -> None:
    program.state_dir.rmdir()
    program.state_dir.write_text("I am a file")
    done = program.run("status")
    assert done.returncode == 1
    assert str(program.state_dir) in done.stderr
    assert "--state-dir DIR" in done.stderr
    assert program.state_dir.read_text() == "I am a file"


def test_the_language_asked_for_holds_for_mistakes_too(program: Program) -> None:
    for asked in (["--lang", "vi"], ["--lang=vi"]):
        assert "Không có tùy chọn '--foo'" in program.run(*asked, "--foo").stderr
    assert "No such option '--foo'" in program.run("--foo").stderr


def is_for_everybody(path: Path) -> bool:
    return all(folder.stat().st_mode & 1 for folder in (path, *path.parents))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the agent gives root's rights up")
@pytest.mark.skipif(
    not all(is_for_everybody(Path(place).resolve()) for place in (sys.prefix, sys.base_prefix, Path(__file__).parent)),
    reason="needs a Python that every user may run",
)
@pytest.mark.parametrize("radio", ["auto", "kernel:hci0"])
def test_root_becomes_the_user_to_whom_the_state_belongs(program: Program, radio: str) -> None:
    program.config.write_text(f'radio = "{radio}"\n')
    program.state_dir.mkdir(exist_ok=True)
    for path in (program.home, program.state_dir, program.config):
        os.chown(path, 12345, 12345)
    for folder in program.home.parents:
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as broker:  # one that serves nobody
        broker.bind(str(program.home / "radio.socket"))
        (program.home / "radio.socket").chmod(0o666)
        broker.listen()
        threading.Thread(target=serve_nobody, args=(broker,), daemon=True).start()
        done = program.run("run", BLUEZONE_RADIO_SOCKET=str(program.home / "radio.socket"))
    assert done.returncode == 69, done.stderr
    assert {path.stat().st_uid for path in program.state_dir.iterdir()} == {12345}


def serve_nobody(broker: socket.socket) -> None:
    with suppress(OSError):
        while True:
            broker.accept()[0].close()
