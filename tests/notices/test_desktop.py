"""The desktop's notices on a real session bus, with a notification server that is written from the specification."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bluezone_agent.app.notice_channels import local_channels
from bluezone_agent.config import Config
from bluezone_agent.core.notice import Notice
from bluezone_agent.notices.desktop import DesktopNotifier
from tests.program import Program
from tests.test_units import UNITS, analyze, run

needs_bus = pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="needs dbus-run-session (apt: dbus)")
SHOW = """
from bluezone_agent.core.notice import Notice
from bluezone_agent.notices.desktop import DesktopNotifier
DesktopNotifier().notify(Notice("Tiếp xúc gần", "<b>a</b> & F0"))
"""


def on_a_session_bus(program: Program, command: str, *capabilities: str) -> tuple[str, list[dict[str, Any]]]:
    """Run a shell command in a session with a notification server; return what it said and what was shown."""
    out = program.home / "shown"
    server = f"{sys.executable} -m tests.notices.notification_server {out} {' '.join(capabilities)}"
    root = Path(__file__).resolve().parents[2]
    ready = f"while [ ! -e {out} ]; do kill -0 $! || exit 9; sleep 0.05; done"
    script = f"cd {root}; {server} & {ready}; {command} 2>&1; kill $!"
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", script],
        env=program.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 9, done.stderr
    return done.stdout, [json.loads(line) for line in out.read_text().splitlines()]


@needs_bus
@pytest.mark.parametrize("markup", [False, True])
def test_a_notice_is_shown_as_text_and_stays(program: Program, markup: bool) -> None:
    (program.home / "show.py").write_text(SHOW)
    capabilities = ["body", *(["body-markup"] if markup else [])]
    said, (shown,) = on_a_session_bus(program, f"{sys.executable} {program.home / 'show.py'}", *capabilities)
    assert said == ""
    assert shown == {
        "app": "bluezone-agent",
        "summary": "Tiếp xúc gần",
        "body": "&lt;b&gt;a&lt;/b&gt; &amp; F0" if markup else "<b>a</b> & F0",
        "hints": {"urgency": 2},
    }


@needs_bus
def test_the_test_command_reaches_the_desktop(program: Program) -> None:
    program.config.write_text('notify_urls = ["desktop://"]\nnotify_content = "full"\n')
    said, (shown,) = on_a_session_bus(program, " ".join(program.command("notify", "test")), "body")
    assert said == "desktop: delivered\n"
    assert shown["summary"] == "bluezone-agent: test"


@needs_bus
def test_where_nothing_shows_notices_it_is_a_failure(program: Program) -> None:
    program.config.write_text('notify_urls = ["desktop://"]\n')
    done = subprocess.run(
        ["dbus-run-session", "--", *program.command("notify", "test")],
        env=program.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "desktop: nothing on the session bus shows notices\n")


def test_without_a_session_bus_it_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in every service of the system: notices wait, and other channels get them."""
    for address in (None, f"unix:path={tmp_path}/nobody"):
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
        monkeypatch.delenv("DISPLAY", raising=False)
        if address:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        with pytest.raises(OSError):  # noqa: PT011 - of any kind
            DesktopNotifier().notify(Notice("t", "b"))
    outcome = local_channels(Config(notify_command=("true",), notify_urls=("desktop://",))).deliver(Notice("t", "b"))
    assert outcome.delivered == ("notify_command",)
    assert list(outcome.failures) == ["desktop"]


@analyze
def test_the_user_units_are_valid(tmp_path: Path) -> None:
    for path in (UNITS / "user").iterdir():
        text = path.read_text().replace("/opt/bluezone-agent/venv/bin/python", sys.executable)
        (tmp_path / path.name).write_text(text)
    done = run("systemd-analyze", "--user", "verify", "--man=no", *tmp_path.iterdir())
    assert [line for line in done.stderr.splitlines() if "bluezone" in line] == []
