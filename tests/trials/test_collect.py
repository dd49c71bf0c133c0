"""``trial collect`` with a real rsync over a real sshd: what comes, what never does, and what is refused."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from bluezone_agent.trials.collect import require_hosts
from bluezone_agent.trials.folder import TrialError, TrialFolder
from bluezone_agent.trials.forget import forget
from bluezone_agent.trials.simulate import simulate
from tests.notices.servers import free_port, wait_for_port
from tests.program import Program
from tests.trials.plans import PLAN, made

NOT_HOSTS = (
    *("-oProxyCommand=id", "--rsh=sh", "-", "", " ", "a b", "host:-path", "host::module", "rsync://host/x", "a@b@c"),
    *("-l@host", "@host", "host;id", "host:x\ny", "host:\x1b", "$(id)", "host`id`", "../host", "a/b:c"),
)
HOSTS = ("pi-2", "pi@pi-2.local", "192.0.2.7", "pi@192.0.2.7:trials/meeting 1", "[2001:db8::7]:x", "h:$(id) ;&")


@pytest.mark.parametrize("text", NOT_HOSTS)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(TrialError, match="is not the name of a host"):
        require_hosts((text,))


def test_hosts_as_ssh_takes_them() -> None:
    require_hosts(HOSTS)


@dataclass
class Sshd:
    """An OpenSSH server of this user's on a port of this machine, with a key instead of a password."""

    folder: Path
    port: int

    @property
    def rsync_rsh(self) -> str:
        options = ("StrictHostKeyChecking=no", f"UserKnownHostsFile={self.folder}/known", "LogLevel=ERROR")
        return " ".join(
            ["ssh", "-F", "none", "-p", str(self.port), "-i", f"{self.folder}/key", *(f"-o{o}" for o in options)]
        )


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if program is None or shutil.which("ssh") is None or shutil.which("rsync") is None:
        pytest.skip("needs sshd, ssh and rsync (apt: openssh-server openssh-client rsync)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = Sshd(tmp_path, free_port())
    for name in ("key", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    (tmp_path / "authorized").write_bytes((tmp_path / "key.pub").read_bytes())
    (tmp_path / "sshd_config").write_text(
        f"Port {server.port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\nStrictModes no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
    )
    running = subprocess.Popen([program, "-D", "-f", tmp_path / "sshd_config"], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(server.port)
        yield server
    finally:
        running.terminate()
        running.wait()


@pytest.fixture
def host(sshd: Sshd) -> str:
    return f"{getpass.getuser()}@127.0.0.1"


def copies(folder: Path) -> tuple[TrialFolder, TrialFolder]:
    """Return a trial that three devices recorded, and the same trial elsewhere with what ``door`` recorded alone."""
    there = made(folder / "there")
    simulate(there, there.plan())
    here = made(folder / "here")
    (here.path / "secret.toml").write_bytes((there.path / "secret.toml").read_bytes())
    (here.path / "devices").mkdir()
    (there.device("door")).rename(here.device("door"))
    return here, there


def collected(program: Program, sshd: Sshd, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return program.run("trial", "collect", *arguments, "--json", RSYNC_RSH=sshd.rsync_rsh)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_recordings_come_together_and_nothing_else_does(
    program: Program, sshd: Sshd, host: str, tmp_path: Path
) -> None:
    here, there = copies(tmp_path)
    (there.device("a") / "secret.toml").write_text("never\n")
    (there.device("a") / "notes.txt").write_text("never\n")
    (there.device("a") / "adverts-0009.csv.gz").symlink_to(there.path / "secret.toml")
    (there.path / "devices" / "stranger").mkdir()
    (there.path / "devices" / "stranger" / "events.jsonl").write_text("never\n")
    before, own_secret = files(there.path), (here.path / "secret.toml").read_bytes()
    done = collected(program, sshd, f"{host}:{there.path}", here.path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = msgspec.json.decode(done.stdout)
    assert found["missing"] == []
    assert found["hosts"][0]["devices"] == ["a", "b"]
    for device in ("a", "b"):
        recorded = files(there.device(device))
        for never in ("secret.toml", "notes.txt", "adverts-0009.csv.gz"):
            recorded.pop(never, None)
        assert files(here.device(device)) == recorded
        assert found["hosts"][0]["bytes"] > 0
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in here.device(device).iterdir())
    assert (here.path / "secret.toml").read_bytes() == own_secret
    assert files(there.path) == before
    assert sorted(path.name for path in here.path.iterdir()) == ["devices", "secret.toml", "trial.toml"]
    again = msgspec.json.decode(collected(program, sshd, f"{host}:{there.path}", here.path).stdout)
    assert (again["hosts"][0]["files"], again["hosts"][0]["error"]) == (0, None)


@pytest.mark.slow
def test_a_recording_that_grew_is_brought_and_an_older_copy_changes_nothing(
    program: Program, sshd: Sshd, host: str, tmp_path: Path
) -> None:
    here, there = copies(tmp_path)
    assert collected(program, sshd, f"{host}:{there.path}", here.path).returncode == 0
    events = there.device("a") / "events.jsonl"
    whole = events.read_bytes()
    events.write_bytes(whole + b"{}\n")
    (there.device("b") / "events.jsonl").write_bytes((there.device("b") / "events.jsonl").read_bytes()[:-40])
    kept = files(here.device("b"))
    found = msgspec.json.decode(collected(program, sshd, f"{host}:{there.path}", here.path).stdout)
    assert (found["hosts"][0]["files"], found["hosts"][0]["bytes"]) == (1, 3)
    assert (here.device("a") / "events.jsonl").read_bytes() == whole + b"{}\n"
    assert files(here.device("b")) == kept


@pytest.mark.slow
def test_what_does_not_belong_together_is_refused_by_name(
    program: Program, sshd: Sshd, host: str, tmp_path: Path
) -> None:
    here, there = copies(tmp_path)
    plan = (there.path / "trial.toml").read_text()
    kept = files(here.path)

    def refusal() -> str:
        done = collected(program, sshd, f"{host}:{there.path}", here.path)
        assert done.returncode == 1
        assert {k: v for k, v in files(here.path).items() if not k.startswith(".collect")} == kept
        return str(msgspec.json.decode(done.stdout)["hosts"][0]["error"])

    (there.path / "trial.toml").write_text(plan.replace('"short"', '"other"'))
    assert 'is the trial "other", and this one is "short"' in refusal()
    (there.path / "trial.toml").write_text(plan.replace("minutes = 0.5", "minutes = 0.6"))
    assert "has another plan than this folder" in refusal()
    (there.path / "trial.toml").write_text(plan + "\n# a comment is no other plan\n")
    (there.path / "devices" / "door").mkdir()
    (there.path / "devices" / "door" / "events.jsonl").write_text('{"another": "recording"}\n' * 1000)
    done = collected(program, sshd, f"{host}:{there.path}", here.path)
    assert "door has two different recordings" in done.stdout
    assert files(here.device("door")) == {k[13:]: v for k, v in kept.items() if k.startswith("devices/door/")}


def arrived(here: TrialFolder) -> list[Path]:
    """Return what is still being transferred, and has come as far as 2 MiB."""
    found = (path for path in (here.path / ".collect").rglob("*adverts-0002*") if path.exists())
    return [path for path in found if path.stat().st_size > 2**21]


@pytest.mark.slow
def test_an_interrupted_transfer_continues(program: Program, sshd: Sshd, host: str, tmp_path: Path) -> None:
    """rsync is killed in the middle of a large chunk; the next run sends the rest alone."""
    here, there = copies(tmp_path)
    large = os.urandom(40 * 2**20)
    (there.device("a") / "adverts-0002.csv.gz").write_bytes(large)
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\nexec {shutil.which("rsync")} --bwlimit=8000 "$@"\n')
    slow.chmod(0o755)
    (tmp_path / "bin").mkdir()
    slow.rename(tmp_path / "bin" / "rsync")
    environment = program.environment() | {"RSYNC_RSH": sshd.rsync_rsh, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    collecting = subprocess.Popen(
        program.command("trial", "collect", f"{host}:{there.path}", here.path),
        env=environment,
        cwd=program.home,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not arrived(here):
        assert collecting.poll() is None
        time.sleep(0.05)
    os.killpg(collecting.pid, signal.SIGINT)  # as Ctrl-C does
    collecting.communicate()
    assert collecting.returncode
    assert arrived(here), "rsync keeps what it has"
    assert not (here.device("a") / "adverts-0002.csv.gz").exists()
    done = program.run("trial", "collect", f"{host}:{there.path}", here.path, RSYNC_RSH=sshd.rsync_rsh)
    assert done.returncode == 0, done.stderr
    assert (here.device("a") / "adverts-0002.csv.gz").read_bytes() == large
    assert not (here.path / ".collect").exists()


@pytest.mark.slow
def test_a_host_that_fails_does_not_hold_back_the_others(
    program: Program, sshd: Sshd, host: str, tmp_path: Path
) -> None:
    here, there = copies(tmp_path)
    done = program.run(
        *("trial", "collect", f"{host}:{tmp_path}/nowhere", "nobody@127.0.0.1", f"{host}:{there.path}", here.path),
        RSYNC_RSH=sshd.rsync_rsh,
    )
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr
    assert "Permission denied" in done.stderr
    assert 'try "ssh nobody@127.0.0.1 which rsync"' in done.stderr
    assert f"name the trial's folder there: {host}:FOLDER" in done.stderr
    assert "MB of a, b" in done.stderr
    assert files(here.device("a"))


def test_what_an_interrupted_collection_left_is_forgotten_too(tmp_path: Path) -> None:
    trial = made(tmp_path / "t", PLAN.replace('id = "b"', 'id = "b"\nperson = "P02"'))
    simulate(trial, trial.plan())
    left = trial.path / ".collect" / "pi-2" / "devices" / "b"
    left.mkdir(parents=True)
    (left / "marks.jsonl").write_text("P02\n")
    forget(trial, "P02", 0.0)
    assert not (trial.path / ".collect").exists()
    assert not [path for path in trial.path.rglob("*") if path.is_file() and b"P02" in path.read_bytes()]


def test_without_rsync_the_way_to_it_is_said(program: Program, tmp_path: Path) -> None:
    here = made(tmp_path / "t")
    (tmp_path / "empty").mkdir()
    done = program.run("trial", "collect", "pi-2", here.path, PATH=str(tmp_path / "empty"))
    assert done.returncode == 1
    assert "sudo apt install rsync" in done.stderr
