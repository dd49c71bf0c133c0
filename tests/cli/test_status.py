"""``status`` for scripts, and what it costs; who is told when listening stops."""

import json
import subprocess
import sys
import time

import pytest

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import ChaffConsidered, Notified, Started
from bluezone_agent.health.health import DEAF_S
from bluezone_agent.stores.store import Store
from tests.key_servers.google import Servers
from tests.present import now_s
from tests.program import TIMEOUT_S, Program

SLOW = {"asyncio", "bleak", "cryptography", "dbus_fast", "httpx2", "numpy", "rich", "stamina"}
SLOW |= {"structlog", "sqlite_utils", "statistics", "google.protobuf", "subprocess"}
"""What `status` on a store that is there must not import: each costs tens of milliseconds, hundreds on a Pi Zero."""
OURS = {
    "bluezone_agent",
    "bluezone_agent.app",
    "bluezone_agent.cli",
    "bluezone_agent.config",
    "bluezone_agent.config_errors",
    "bluezone_agent.core",
    "bluezone_agent.errors",
    "bluezone_agent.files",
    "bluezone_agent.i18n",
    "bluezone_agent.paths",
    "bluezone_agent.ports",
    "bluezone_agent.health",
    "bluezone_agent.stores",
}


@pytest.fixture
def deaf(program: Program) -> Program:
    """Return a device on which nobody has listened for long, whose owner is told by a file."""
    script = program.home / "tell"
    script.write_text(f'#!/bin/sh\nread -r title; read -r text; echo "$title: $text" >>{program.home}/notices\n')
    script.chmod(0o700)
    program.config.write_text(f'notify_command = ["{script}"]\n')
    with Store(program.state_dir) as store, store.transaction():
        store.journal.put(Started(now_s() - 3 * DEAF_S, "gaen"))
        store.listening.begin(now_s() - 3 * DEAF_S, "active")
        store.listening.extend(now_s() - 2 * DEAF_S)
    return program


def notices(program: Program) -> list[str]:
    path = program.home / "notices"
    return path.read_text().splitlines() if path.exists() else []


def test_the_owner_is_told_when_nobody_listens_and_when_somebody_does_again(deaf: Program) -> None:
    assert deaf.run("status").returncode == 1
    assert notices(deaf) == []
    deaf.run("notify")
    (stopped,) = notices(deaf)
    assert stopped.startswith("bluezone-agent needs attention: This device has not scanned since 20")
    assert deaf.run("check", "--scheduled").returncode == 0
    assert notices(deaf) == [stopped]
    with Store(deaf.state_dir) as store, store.transaction():
        store.listening.begin(now_s() - 2, "active")
        store.listening.extend(now_s() - 1)
    deaf.run("check", "--scheduled")
    assert notices(deaf)[1].startswith(
        "bluezone-agent works again: This device is scanning again. It had stopped at 20"
    )
    deaf.run("notify")
    assert len(notices(deaf)) == 2


def test_a_key_server_that_trickles_holds_up_no_notice(deaf: Program, servers: Servers) -> None:
    deaf.config.write_text(
        deaf.config.read_text()
        + f"""
        [publish]
        verification_server = "{servers.url}"
        key_server = "{servers.url}"
        api_key = "API-KEY"
        health_authority_id = "vn.example"
        chaff = true
        """
    )
    with Store(deaf.state_dir) as store, store.transaction():
        store.journal.put(ChaffConsidered(now_s() - 2 * DAY_S))
    servers.trickles = True
    check = deaf.start("check", "--scheduled")
    try:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not servers.calls:
            assert check.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        assert len(notices(deaf)) == 1, "before chaff"
    finally:
        check.kill()
        check.communicate()


def test_a_notice_that_could_not_be_given_is_given_the_next_time(deaf: Program) -> None:
    script = deaf.home / "tell"
    works = script.read_text()
    script.write_text("#!/bin/sh\nexit 3\n")
    failed = deaf.run("notify")
    assert (failed.returncode, failed.stderr) == (
        1,
        f"a notice could not be delivered: {script} ended with exit code 3\n",
    )
    assert deaf.run("status").stdout.count("a notice to you could not be delivered") == 1
    assert "notice_undelivered" not in deaf.run("status", "--prometheus").stdout, "it may be a warning"
    deaf.run("notify")
    assert notices(deaf) == [], "it is tried again later, not at once"
    script.write_text(works)
    with Store(deaf.state_dir) as store, store.transaction():
        store._db.execute("UPDATE notice SET next_try_at_s = next_try_at_s - 60")
    assert deaf.run("notify").returncode == 0
    assert len(notices(deaf)) == 1


def test_without_a_command_nobody_is_told(deaf: Program) -> None:
    deaf.config.write_text("")
    assert deaf.run("notify").stderr == ""
    with Store(deaf.state_dir) as store:
        assert store.journal.get(Notified) is None


def test_prometheus_gets_the_same_verdict(deaf: Program) -> None:
    done = deaf.run("status", "--prometheus")
    assert done.returncode == 1
    assert "bluezone_agent_running 0.0\n" in done.stdout
    assert 'bluezone_agent_problem{problem="not_running"} 1.0\n' in done.stdout
    ages = json.loads(deaf.run("status", "--json").stdout)["ages"]
    assert ages["listen"]["limit_s"] == DEAF_S
    assert ages["prove"] == {"since": None, "limit_s": None}


def test_a_scheduled_check_without_a_source_is_no_fault_but_one_by_hand_is(program: Program) -> None:
    program.config.write_text("")
    assert program.run("check", "--scheduled").returncode == 0
    assert program.run("check").returncode == 78


def test_what_status_imports(deaf: Program) -> None:
    code = "import sys\nfrom bluezone_agent.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, "--state-dir", str(deaf.state_dir), "status"]
    done = subprocess.run(command, env=deaf.environment(), capture_output=True, text=True, check=False)
    assert "not running" in done.stdout
    imported = set(done.stderr.split())
    assert "click" in imported
    assert imported & SLOW == set()
    assert {".".join(name.split(".")[:2]) for name in imported if name.startswith("bluezone_agent")} <= OURS
