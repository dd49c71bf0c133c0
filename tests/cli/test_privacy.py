"""What a command leaves on the device for others to read: nothing, in files or in memory."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.store import Store
from tests.program import TIMEOUT_S, Program

NOBODY = 65534


@pytest.fixture
def virtual(program: Program) -> Program:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    return program


@pytest.fixture
def careless() -> Iterator[None]:
    """A umask that hides nothing."""
    umask = os.umask(0)
    yield
    os.umask(umask)


def started(agent: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Wait until the agent says that it has started."""
    assert agent.stderr is not None
    while "event='started'" not in (line := agent.stderr.readline()):
        assert line, f"it ended with {agent.wait()}"
    return agent


def stop(agent: subprocess.Popen[str]) -> str:
    agent.terminate()
    return agent.communicate(timeout=TIMEOUT_S)[1]


def open_to_others(folder: Path) -> set[str]:
    return {
        f"{path.relative_to(folder)} {stat.S_IMODE(path.stat().st_mode):o}"
        for path in folder.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    }


COMMANDS = (
    "config init made/config.toml",
    "status",
    "doctor",
    "contacts --page page.html",
    "exposures",
    "compare",
    "keys list",
    "keys export made.json --yes",
    "keys sources",
    "check",
    "authority init signing --key-id 452 --location https://keys.example.org/",
    "authority publish made.json --key signing --to web/public",
    "wipe --yes",
)


@pytest.mark.usefixtures("careless")
def test_every_command_leaves_nothing_that_others_can_use(virtual: Program) -> None:
    """But for what an authority publishes, which its web server has to read, and nobody else writes."""
    virtual.config.chmod(0o600)
    agent = started(virtual.start("run", "--no-check"))
    assert open_to_others(virtual.home) == set(), "while it runs"
    stop(agent)
    for command in COMMANDS:
        done = virtual.run(*command.split())
        assert "Traceback" not in done.stderr, done.stderr
        assert {name for name in open_to_others(virtual.home) if not name.startswith("web")} == set(), command
    for path in (virtual.home / "web").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644)
    assert len(list((virtual.home / "web/public").iterdir())) > 1
    assert {"page.html", "made.json", "made", "signing"} <= {path.name for path in virtual.home.iterdir()}


def test_a_state_that_others_can_use_is_refused_and_its_files_are_taken_back(virtual: Program) -> None:
    Store(virtual.state_dir).close()
    virtual.state_dir.chmod(0o750)
    for command in (["status"], ["run"]):
        done = virtual.run(*command)
        assert done.returncode == 1
        assert f"other users have access to the state directory {virtual.state_dir} (mode 750)" in done.stderr
        assert f'run "chmod 700 {virtual.state_dir}"' in done.stderr
    virtual.state_dir.chmod(0o700)
    (virtual.state_dir / FILE_NAME).chmod(0o644)
    said = stop(started(virtual.start("run", "--no-check")))
    assert open_to_others(virtual.state_dir) == set()
    assert "Traceback" not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")
@pytest.mark.parametrize("name", [".", FILE_NAME])
def test_a_state_of_another_user_is_refused(virtual: Program, name: str) -> None:
    Store(virtual.state_dir).close()
    os.chown(virtual.state_dir / name, NOBODY, NOBODY)
    done = virtual.run("status")
    assert done.returncode == 1
    assert f"belongs to another user (uid {NOBODY})" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="needs setpriv, to be less than root")
def test_the_memory_is_out_of_reach_even_for_the_same_user(virtual: Program) -> None:
    agent = started(in_its_own_folder([*UNPRIVILEGED, *virtual.command("run", "--no-check")], virtual))
    other = in_its_own_folder([*UNPRIVILEGED, "sleep", "60"], virtual)
    read = {
        name: subprocess.run(
            [*UNPRIVILEGED, sys.executable, "-c", READ, str(process.pid)], capture_output=True, text=True, check=False
        )
        for name, process in (("agent", agent), ("other", other))
    }
    other.kill()
    other.communicate()
    said = stop(agent)
    if read["other"].returncode:
        pytest.skip("no process can be read here")
    assert "Permission denied" in read["agent"].stderr
    assert read["agent"].stdout == ""
    assert "Traceback" not in said


UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
"""What runs a command as the same user without a privilege."""
READ = """
import sys
for line in open(f"/proc/{sys.argv[1]}/maps"):
    if "[heap]" in line:
        break
with open(f"/proc/{sys.argv[1]}/mem", "rb") as memory:
    memory.seek(int(line.split("-")[0], 16))
    print(len(memory.read(16)))
"""


def in_its_own_folder(command: list[str], program: Program) -> subprocess.Popen[str]:
    """Start a command that may leave core files of any size, in an empty folder."""
    folder = program.home / f"folder-{time.monotonic_ns()}"
    folder.mkdir()
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    allow = (
        "import os, resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_CORE, ({most}, {most}))\n"
        "os.execvp(sys.argv[1], sys.argv[1:])"
    )
    return subprocess.Popen(
        [sys.executable, "-c", allow, *command],
        env=program.environment(),
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_crash_leaves_no_core_file(virtual: Program) -> None:
    other = in_its_own_folder([sys.executable, "-c", "import os; os.abort()"], virtual)
    other.communicate()
    folders = [path for path in virtual.home.iterdir() if path.name.startswith("folder-")]
    if not any(path for folder in folders for path in folder.iterdir()):
        pytest.skip("nothing leaves a core file here")
    shutil.rmtree(folders[0])
    agent = started(in_its_own_folder(virtual.command("run", "--no-check"), virtual))
    agent.send_signal(signal.SIGSEGV)
    agent.communicate(timeout=TIMEOUT_S)
    assert agent.returncode == -signal.SIGSEGV
    assert [path for folder in virtual.home.glob("folder-*") for path in folder.iterdir()] == []
