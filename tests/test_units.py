"""The systemd units: valid, sandboxed as far as docs/systemd.md says, and what the scripts install."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.app.notices import SOCKET
from bluezone_agent.cli import root
from bluezone_agent.clocks.system import BOOT_ID_REPORTED, SystemClock

REPO: Final = Path(__file__).resolve().parents[1]
UNITS: Final = REPO / "systemd"
EXPOSURE: Final = {
    "bluezone-agent.service": 0.3,
    "bluezone-check.service": 0.3,
    "bluezone-fetch.service": 1.2,
    "bluezone-notify.service": 1.2,
}
PYTHON: Final = "/opt/bluezone-agent/venv/bin/python"

analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (apt: systemd)")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@analyze
@pytest.mark.parametrize("unit", EXPOSURE)
def test_the_sandbox_is_as_tight_as_promised(unit: str) -> None:
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNITS / unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= EXPOSURE[unit], done.stdout


@analyze
def test_a_unit_without_its_sandbox_is_seen(tmp_path: Path) -> None:
    unit = tmp_path / "bluezone-agent.service"
    unit.write_text((UNITS / unit.name).read_text().replace("PrivateNetwork=yes\n", ""))
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=3", "--no-pager", unit)
    assert done.returncode == 1


@analyze
def test_the_units_are_valid(tmp_path: Path) -> None:
    for path in UNITS.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace(PYTHON, sys.executable))
    units = [*tmp_path.glob("*.service"), *tmp_path.glob("*.timer"), *tmp_path.glob("*.socket")]
    assert len(units) == 6
    done = run("systemd-analyze", "verify", "--man=no", *units)
    # what else is wrong with the units of this machine is not ours
    assert [line for line in done.stderr.splitlines() if "bluezone" in line] == []


@pytest.mark.parametrize("unit", EXPOSURE)
def test_the_units_run_commands_that_there_are(unit: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)
    python, isolated, module, package, name, *options = line.split()
    assert (python, isolated, module, package) == (PYTHON, "-IB", "-m", "bluezone_agent")
    command = root.get_command(root.make_context("bluezone-agent", [], resilient_parsing=True), name)
    assert command is not None
    assert set(options) <= {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("unit", EXPOSURE)
def test_the_units_tell_the_boot_id_that_their_sandbox_hides(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"Environment={BOOT_ID_REPORTED}=%b\n" in (UNITS / unit).read_text()
    of_kernel = SystemClock().boot_id
    monkeypatch.setenv(BOOT_ID_REPORTED, "0123456789abcdef0123456789abcdef")
    assert SystemClock().boot_id == "0123456789abcdef0123456789abcdef"
    assert re.fullmatch("[0-9a-f]{32}", of_kernel)  # as systemd writes it


def test_who_has_a_network_has_no_state_and_only_the_agent_has_a_bus() -> None:
    agent, check, fetch, notify = ((UNITS / unit).read_text() for unit in EXPOSURE)
    assert "PrivateNetwork=yes" in agent
    assert "RestrictAddressFamilies=AF_UNIX\n" in agent
    assert "PrivateNetwork=yes" in check
    assert "RestrictAddressFamilies=AF_UNIX\n" in check
    for unit in (fetch, notify):
        assert "PrivateNetwork" not in unit
        assert re.search("^InaccessiblePaths=-/var/lib/bluezone-agent", unit, re.MULTILINE)
        assert "User=bluezone\n" not in unit
    assert "InaccessiblePaths=-/run/dbus" in check
    assert "InaccessiblePaths=-/run/dbus" in notify
    assert "User=bluezone-notify\n" in notify
    assert "InaccessiblePaths=-/run/dbus" in fetch
    assert "-/run/bluezone-notify.socket" in fetch, "whoever takes it over can't notify the owner of anything"
    (spool,) = re.findall(r"^Environment=BLUEZONE_SPOOL=(.*)$", check, re.MULTILINE)
    assert f"Environment=BLUEZONE_SPOOL={spool}\n" in fetch
    (path,) = re.findall(r"^ListenStream=(.*)$", (UNITS / "bluezone-notify.socket").read_text(), re.MULTILINE)
    assert all(f"Environment={SOCKET}={path}\n" in unit for unit in (agent, check))
    assert f"{SOCKET}={path}" in (REPO / "scripts/lib/command.sh").read_text()


def test_what_is_installed_is_taken_away() -> None:
    lines = (REPO / "scripts/lib/service.sh").read_text()
    (installed,) = re.findall(r'^UNITS="(.*)"$', lines, re.MULTILINE)
    there = {path.name for path in UNITS.iterdir()}
    assert {*installed.split(), "bluezone-agent.sysusers.conf"} == there - {"sealed.conf"}, "an example, put by hand"


@pytest.mark.parametrize("script", ["install", "uninstall", "lib/service.sh", "lib/command.sh", "lib/lab.sh"])
def test_the_scripts_are_posix_shell(script: str) -> None:
    assert run("sh", "-n", REPO / "scripts" / script).stderr == ""
