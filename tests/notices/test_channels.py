"""Every channel gets every notice, in order, whatever was down; and learns no more than its owner allows."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Final, Protocol

import pytest

from bluezone_agent.app.notice_channels import local_channels, open_notice
from bluezone_agent.app.notices import KEEPS_ORDER_S, SOCKET, deliver
from bluezone_agent.config import Config
from bluezone_agent.core.notice import Notice
from bluezone_agent.errors import ConfigError
from bluezone_agent.notices.socket import serve
from bluezone_agent.stores.notices import RETRY_S
from bluezone_agent.stores.store import Store
from tests.notices.servers import Mosquitto, Ntfy, Script, Smtp, free_port
from tests.program import Program

NOW_S: Final = 1_800_000_000
HOUR_S: Final = 3600
SECRETS: Final = {"tk_secretsecret", "secret-topic"}
"""What a URL of ntfy has."""
WARNING: Final = Notice("Tiếp xúc gần", "2027-01-01: chạm mặt F0\nKeep away from others")


class Channel(Protocol):
    """The other side of one channel."""

    @property
    def received(self) -> list[str]: ...

    def up(self) -> AbstractContextManager[None]: ...


class Town:
    """All four channels, and a store whose queue is delivered to them in simulated time."""

    def __init__(self, folder: Path, content: str) -> None:
        self.ntfy, self.smtp, self.mqtt, self.script = Ntfy(), Smtp(), Mosquitto(folder), Script(folder)
        self.script.write()
        self.each: dict[str, Channel] = {
            "ntfy": self.ntfy,
            "smtp": self.smtp,
            "mqtt": self.mqtt,
            "command": self.script,
        }
        self.config = Config(
            notify_command=(str(self.script.path),),
            notify_urls=(self.ntfy.url, self.smtp.url, self.mqtt.url),
            notify_content="full" if content == "full" else "open",
        )
        self.store = Store(folder / "state")

    def add(self, notice: Notice, now_s: float) -> None:
        with self.store.transaction():
            self.store.notices.add(notice, now_s)

    def live(self, since_s: float, until_s: float, step_s: int = 300) -> None:
        """Look at the queue as the agent does."""
        for now_s in range(int(since_s), int(until_s), step_s):
            if self.store.notices.is_due(now_s):
                deliver(self.store, self.config, now_s)


def numbered(n: int) -> Notice:
    return Notice(f"notice {n}", f"text {n} of F0")


@pytest.mark.parametrize("content", ["open", "full"])
@pytest.mark.parametrize("down", ["ntfy", "smtp", "mqtt", "command"])
def test_a_channel_that_is_down_for_an_hour_gets_all_afterwards_and_the_others_nothing_twice(
    tmp_path: Path, down: str, content: str
) -> None:
    town = Town(tmp_path, content)
    with town.store, ExitStack() as stack:
        for name, channel in town.each.items():
            if name != down:
                stack.enter_context(channel.up())
        for n in range(3):
            town.add(numbered(n), NOW_S + n * 1000)
            town.live(NOW_S + n * 1000, NOW_S + (n + 1) * 1000)
        town.live(NOW_S + 3000, NOW_S + HOUR_S)
        assert len(town.store.notices.waiting(NOW_S + HOUR_S)) == 3
        stack.enter_context(town.each[down].up())
        town.live(NOW_S + HOUR_S, NOW_S + HOUR_S + RETRY_S[-1] + 600)
        assert town.store.notices.waiting(NOW_S + 2 * HOUR_S) == []
        assert town.store._db.execute("SELECT count(*) FROM notice_delivery").fetchone()[0] == 0
    full = [f"{numbered(n).title}\n{numbered(n).body}" for n in range(3)]
    for name, channel in town.each.items():
        if name == "command" or content == "full":
            assert [" ".join(text.split()) for text in channel.received] == [" ".join(t.split()) for t in full], name
        else:
            assert len(channel.received) == 3, name
            assert all(open_notice().body in text for text in channel.received), name
            assert not any("F0" in text or "notice" in text for text in channel.received), name


def test_what_a_channel_always_refuses_holds_back_later_ones_for_a_day_only(tmp_path: Path) -> None:
    """A warning must not wait for ever behind a notice that cannot be delivered."""
    script = tmp_path / "tell"
    script.write_text(
        f"#!/bin/sh\ncat >{tmp_path}/now; grep -q bad {tmp_path}/now && exit 1; cat {tmp_path}/now >>{tmp_path}/got\n"
    )
    script.chmod(0o700)
    config = Config(notify_command=(str(script),))
    with Store(tmp_path / "state") as store:
        with store.transaction():
            store.notices.add(Notice("bad", ""), NOW_S)
            store.notices.add(Notice("good", ""), NOW_S + 1)
        for now_s in range(NOW_S + 1, NOW_S + KEEPS_ORDER_S - 600, 600):
            deliver(store, config, now_s)
        assert not (tmp_path / "got").exists()
        deliver(store, config, NOW_S + KEEPS_ORDER_S + RETRY_S[-1])
        assert (tmp_path / "got").read_text().split() == ["good"]
        (left,) = store.notices.waiting(NOW_S + KEEPS_ORDER_S)
        assert left.notice.title == "bad"


def test_over_the_service_each_channel_gets_it_once_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent knows the channels by what the service answers: it has no network and may not read the URLs."""
    town = Town(tmp_path, "full")
    monkeypatch.setenv(SOCKET, str(tmp_path / "s"))
    agent = Config(notify_urls_file="/not/readable/by/the/agent")
    with socket.socket(socket.AF_UNIX) as listener, town.store, ExitStack() as stack:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        threading.Thread(target=_served, args=(listener, town.config), daemon=True).start()
        stack.enter_context(town.smtp.up())
        stack.enter_context(town.mqtt.up())
        stack.enter_context(town.script.up())
        town.add(WARNING, NOW_S)
        first = deliver(town.store, agent, NOW_S)
        assert first.undelivered == 1
        assert first.error is not None
        assert first.error.startswith("ntfy-")
        stack.enter_context(town.ntfy.up())
        assert deliver(town.store, agent, NOW_S + RETRY_S[0]) == (0, None)
        listener.close()
    assert [len(channel.received) for channel in town.each.values()] == [1, 1, 1, 1]


def _served(listener: socket.socket, config: Config) -> None:
    with suppress(OSError):  # the test has closed it
        serve(listener, local_channels(config))


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "it refused the password or token"), (500, "the server answered with an error")]
)
def test_a_failure_has_a_reason_and_no_part_of_the_url_or_the_notice(
    status: int, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    ntfy, root = Ntfy(status=status), logging.getLogger()
    handler = logging.StreamHandler()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        channels = local_channels(Config(notify_urls=(ntfy.url,), notify_content="full"))
        with ntfy.up():
            outcome = channels.deliver(WARNING)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert outcome.failure == reason
    said = outcome.failure + repr(channels) + "".join(capfd.readouterr())
    for secret in ("tk_secretsecret", "secret-topic", "F0", WARNING.title):
        assert secret not in said


def test_urls_are_secrets(program: Program) -> None:
    ntfy = Ntfy()
    file = program.home / "urls"
    file.write_text(f"# mine\n\n{ntfy.url}\n")
    file.chmod(0o600)
    program.config.write_text(f'notify_urls = ["{ntfy.url}"]\nnotify_urls_file = "{file}"\n')
    for words in (["config", "check"], ["config", "check", "--json"], ["notify", "test"], ["-v", "notify", "test"]):
        done = program.run(*words)
        assert SECRETS.isdisjoint(re.findall(r"[\w-]+", done.stdout + done.stderr)), words
    assert "tk_" not in repr(Config(notify_urls=(ntfy.url,)))
    program.config.write_text(f'notify_urls = "{ntfy.url}"\n')
    done = program.run("config", "check")
    assert done.returncode == 78
    assert SECRETS.isdisjoint(re.findall(r"[\w-]+", done.stdout + done.stderr))


def test_a_url_that_is_none_is_named_by_its_number() -> None:
    with pytest.raises(ConfigError, match="number 2 of the notify URLs") as refused:
        local_channels(Config(notify_urls=("json://localhost/", "nosuch://secret@host")))
    assert "secret" not in str(refused.value)


def test_systemds_credential_takes_the_place_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(notify_urls_file=str(tmp_path / "absent"))
    with pytest.raises(ConfigError, match="can't read the notify URLs"):
        local_channels(config)
    (tmp_path / "bluezone-notify-urls").write_text("json://localhost:1/\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert [name.partition("-")[0] for name in local_channels(config).deliver(WARNING).channels] == ["json"]


def test_the_test_command_says_channel_by_channel_what_happened(program: Program) -> None:
    script, ntfy, smtp = Script(program.home), Ntfy(), Smtp()
    script.write()
    program.config.write_text(
        f'notify_command = ["{script.path}"]\nnotify_urls = ["{ntfy.url}", "{smtp.url}"]\nnotify_content = "full"\n'
    )
    with script.up(), ntfy.up():
        done = program.run("notify", "test")
        assert done.returncode == 1
        command, first, second = done.stdout.splitlines()
        assert command == "notify_command: delivered"
        assert first.startswith("ntfy-")
        assert first.endswith(": delivered")
        assert second.startswith("mailto-")
        assert second.endswith(": it could not be reached, or it refused")
        with smtp.up():
            done = program.run("notify", "test", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["delivered"] is True
    assert all("This is a test." in text for text in (*ntfy.received, *smtp.received, *script.received))
    with Store(program.state_dir) as store:
        assert store._db.execute("SELECT count(*) FROM notice").fetchone()[0] == 0


def test_without_a_channel_or_its_service_the_test_says_so(program: Program) -> None:
    done = program.run("notify", "test")
    assert done.returncode == 78
    assert "no channel to you is configured" in done.stderr
    program.config.write_text('notify_command = ["true"]\n')
    done = program.run("notify", "test", **{SOCKET: str(program.home / "nobody")})
    assert done.returncode == 1
    assert "bluezone-notify.socket" in done.stderr


def test_without_apprise_the_extra_is_named(program: Program) -> None:
    program.config.write_text('notify_urls = ["json://localhost:1/"]\n')
    words = program.command("notify", "test")[3:]
    code = (
        "import sys; sys.modules['apprise'] = None\n"
        f"sys.argv[1:] = {words!r}\n"
        "from bluezone_agent.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=program.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert "bluezone-agent[notify]" in done.stderr
    assert os.environ.get(SOCKET) is None


def test_a_port_for_later_is_given_once_and_to_no_outgoing_connection() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    first, _last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert max(ports) < first
