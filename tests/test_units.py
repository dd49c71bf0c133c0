"""The systemd units: valid, sandboxed as far as docs/systemd.md says, and what the scripts install."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

from bluezone_agent.app.notices import SOCKET
from bluezone_agent.app.page_folder import PAGE
from bluezone_agent.app.submit_socket import SOCKET as SUBMIT_SOCKET
from bluezone_agent.cli import root
from bluezone_agent.cli.web import PORT, WEB_STATE
from bluezone_agent.clocks.system import BOOT_ID_REPORTED, SystemClock
from bluezone_agent.radios.kernel import broker
from bluezone_agent.radios.kernel.relay import PATH as RADIO_SOCKET

REPO: Final = Path(__file__).resolve().parents[1]
UNITS: Final = REPO / "systemd"
EXPOSURE: Final = {
    "bluezone-agent.service": 0.3,
    "bluezone-check.service": 0.3,
    "bluezone-fetch.service": 1.2,
    "bluezone-notify.service": 1.2,
}
BROKER: Final = "bluezone-radio.service"
BROKER_EXPOSURE: Final = 1.5
"""It needs a capability, Bluetooth sockets, and the first namespaces of users and of the network."""
WEB: Final = "bluezone-web.service"
LAN: Final = "page-lan.conf"
WEB_EXPOSURE: Final = 1.0
SUBMITTER: Final = "bluezone-submit.service"
SUBMITTER_EXPOSURE: Final = 1.2
PYTHON: Final = "/opt/bluezone-agent/venv/bin/python"

analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (apt: systemd)")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@analyze
@pytest.mark.parametrize("unit", [*EXPOSURE, BROKER, WEB, SUBMITTER])
def test_the_sandbox_is_as_tight_as_promised(unit: str) -> None:
    done = run("systemd-analyze", "security", "--offline=true", "--no-pager", UNITS / unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert (
        float(found[1])
        <= (EXPOSURE | {BROKER: BROKER_EXPOSURE, WEB: WEB_EXPOSURE, SUBMITTER: SUBMITTER_EXPOSURE})[unit]
    ), done.stdout


@analyze
def test_a_unit_without_its_sandbox_is_seen(tmp_path: Path) -> None:
    unit = tmp_path / "bluezone-agent.service"
    unit.write_text((UNITS / unit.name).read_text().replace("PrivateNetwork=yes\n", ""))
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=3", "--no-pager", unit)
    assert done.returncode == 1


@analyze
def test_the_units_are_valid(tmp_path: Path) -> None:
    for path in filter(Path.is_file, UNITS.iterdir()):
        (tmp_path / path.name).write_text(path.read_text().replace(PYTHON, sys.executable))
    units = [*tmp_path.glob("*.service"), *tmp_path.glob("*.timer"), *tmp_path.glob("*.socket")]
    assert len(units) == 11
    done = run("systemd-analyze", "verify", "--man=no", *units)
    # what else is wrong with the units of this machine is not ours
    assert [line for line in done.stderr.splitlines() if "bluezone" in line] == []


@pytest.mark.parametrize("unit", [*EXPOSURE, WEB, SUBMITTER])
def test_the_units_run_commands_that_there_are(unit: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)
    python, isolated, module, package, name, *options = line.split()
    assert (python, isolated, module, package) == (PYTHON, "-IB", "-m", "bluezone_agent")
    context = root.make_context("bluezone-agent", [], resilient_parsing=True)
    command = root.get_command(context, name)
    if isinstance(command, click.Group) and options and not options[0].startswith("-"):
        command = command.get_command(context, options.pop(0))
    assert command is not None
    assert set(options) <= {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("unit", [*EXPOSURE, WEB, SUBMITTER])
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


def test_who_submits_for_the_page_has_a_network_and_nothing_else() -> None:
    unit, listening = (UNITS / SUBMITTER).read_text(), (UNITS / "bluezone-submit.socket").read_text()
    hidden = " ".join(re.findall("^InaccessiblePaths=(.*)$", unit, re.MULTILINE)).split()
    assert {"-/var/lib/bluezone-agent", "-/run/bluezone-agent", "-/run/bluezone-page", "-/run/dbus"} <= set(hidden)
    assert "User=bluezone-submit\n" in unit
    assert "SocketBindDeny=any\n" in unit
    assert "SocketGroup=bluezone-submit\nSocketMode=0660\n" in listening
    assert "m bluezone bluezone-submit\n" in (UNITS / "bluezone-web.sysusers.conf").read_text()
    (path,) = re.findall(r"^ListenStream=(.*)$", listening, re.MULTILINE)
    assert f"Environment={SUBMIT_SOCKET}={path}\n" in (UNITS / "bluezone-agent.service").read_text()


def test_the_broker_has_one_privilege_and_no_file_of_the_agents() -> None:
    unit, listening = (UNITS / BROKER).read_text(), (UNITS / "bluezone-radio.socket").read_text()
    assert "CapabilityBoundingSet=CAP_NET_ADMIN\n" in unit
    assert "RestrictAddressFamilies=AF_BLUETOOTH AF_UNIX\n" in unit
    assert "IPAddressDeny=any\n" in unit
    assert "User=bluezone-radio\n" in unit
    hidden = " ".join(re.findall("^InaccessiblePaths=(.*)$", unit, re.MULTILINE)).split()
    assert {"-/var/lib/bluezone-agent", "-/etc/bluezone-agent", "-/run/dbus"} <= set(hidden)
    assert f"ListenSequentialPacket={RADIO_SOCKET}\n" in listening
    assert "SocketGroup=bluezone\n" in listening
    assert "SocketMode=0660\n" in listening
    (line,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert line.split()[:4] == [PYTHON, "-IB", "-m", broker.__name__]
    assert "--user bluezone" in line


def test_the_page_sees_only_what_is_written_for_it() -> None:
    unit = (UNITS / WEB).read_text()
    assert "User=bluezone-web\n" in unit
    hidden = " ".join(re.findall("^InaccessiblePaths=(.*)$", unit, re.MULTILINE)).split()
    assert {"-/var/lib/bluezone-agent", "-/etc/bluezone-agent", "-/run/bluezone-agent", "-/run/dbus"} <= set(hidden)
    assert "IPAddressDeny=any\nIPAddressAllow=localhost\n" in unit
    assert f"SocketBindDeny=any\nSocketBindAllow=ipv4:tcp:{PORT}\n" in unit
    assert "StandardOutput=null\n" in unit, "the address has the token"
    (folder,) = re.findall(rf"^Environment={PAGE}=(.*)$", unit, re.MULTILINE)
    assert f"d {folder} 2750 bluezone bluezone-web -\n" in (UNITS / "bluezone-web.tmpfiles.conf").read_text()
    for writer in ("bluezone-agent.service", "bluezone-check.service"):
        written = (UNITS / writer).read_text()
        assert f"Environment={PAGE}={folder}\nReadWritePaths=-{folder}\n" in written
    (state,) = re.findall(rf"^Environment={WEB_STATE}=(.*)$", unit, re.MULTILINE)
    assert f"export {WEB_STATE}={state} {PAGE}={folder}\n" in (REPO / "scripts/lib/command.sh").read_text()


def test_the_page_in_a_network_is_the_same_command() -> None:
    ((on_device,), (reset, in_network)) = (
        re.findall(r"^ExecStart=(.*)$", (UNITS / name).read_text(), re.MULTILINE) for name in (WEB, LAN)
    )
    assert reset == ""
    command, options = in_network.split(" --listen ")
    assert command == on_device
    assert re.fullmatch(r"192\.168\.1\.5 --passphrase-file %d/page-passphrase", options)
    assert "LoadCredential=page-passphrase:" in (UNITS / LAN).read_text()


def test_what_is_installed_is_taken_away() -> None:
    lines = (REPO / "scripts/lib/service.sh").read_text()
    (installed,) = re.findall(r'^UNITS="(.*)"$', lines, re.MULTILINE)
    there = {path.name for path in UNITS.iterdir() if path.is_file()}
    (page,) = re.findall(r'^WEB_UNITS="(.*)"', lines, re.MULTILINE)
    configured = {"bluezone-agent.sysusers.conf", "bluezone-web.sysusers.conf", "bluezone-web.tmpfiles.conf"}
    assert {*installed.split(), *page.split(), *configured} == there - {"sealed.conf", LAN}, "examples, put by hand"
    uninstall = (REPO / "scripts/uninstall").read_text()
    for taken in (
        "$UNITS $WEB_UNITS",
        "$SUBMITTER",
        "$SYSUSERS/bluezone-web.conf",
        "$TMPFILES/bluezone-web.conf",
        "$WEB_STATE",
        "$PAGE",
    ):
        assert taken in uninstall


@pytest.mark.parametrize("script", ["install", "uninstall", "lib/service.sh", "lib/command.sh", "lib/lab.sh"])
def test_the_scripts_are_posix_shell(script: str) -> None:
    assert run("sh", "-n", REPO / "scripts" / script).stderr == ""
