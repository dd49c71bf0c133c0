"""The page as a service: another process, which sees a folder and two sockets and nothing else."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bluezone_agent.app.page_files import READABLE_BY_GROUP
from bluezone_agent.app.page_folder import PAGE
from bluezone_agent.cli.web import WEB_STATE
from bluezone_agent.daemon.unix_socket import OWNER_AND_GROUP, _bound
from bluezone_agent.files import replace
from bluezone_agent.web.access import Access
from bluezone_agent.web.server import LOOPBACK, Address
from tests.program import Program
from tests.web.site import Site

SECONDS = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "page"
    found.mkdir()
    return found


@pytest.fixture
def agent(program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """An agent among simulated neighbours, which writes for a page."""
    program.config.write_text('radio = "virtual"\nclock_trusted = true\nlanguage = "en"\n')
    environment = program.environment() | {PAGE: str(folder)}
    child = subprocess.Popen(program.command("run", "--quiet"), env=environment, cwd=program.home)
    try:
        wait_for(
            lambda: all((folder / name).exists() for name in ("now.json", "contacts.json", "page.sock", "live.sock"))
        )
        yield program
    finally:
        child.terminate()
        child.wait()


def wait_for(condition: object) -> None:
    deadline_s = time.monotonic() + SECONDS
    assert callable(condition)
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


@contextmanager
def page(program: Program, folder: Path, state: Path) -> Iterator[str]:
    """Start the page as systemd does; yield the address with the token."""
    state.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], PAGE: str(folder), WEB_STATE: str(state)}
    environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    command = [program.command()[0], "-m", "bluezone_agent", "web", "--service", "--port", "0"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        yield child.stdout.readline().strip()
    finally:
        child.terminate()
        child.communicate()
        assert child.returncode == 0


def at(address: str) -> Site:
    """Return the site that an address with a token opens."""
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]+)", address)
    assert found
    return Site(Address(LOOPBACK, int(found[1])), Access(found[2]))


def test_it_shows_what_the_agent_writes_and_pauses_it(agent: Program, folder: Path, tmp_path: Path) -> None:
    with page(agent, folder, tmp_path / "web") as address:
        site = at(address)
        today = site.get("/").text
        assert "works" in today
        assert "not running" not in today
        assert "sudo" in site.get("/doctor").text
        assert site.post("/pause", mode="paused", lasts="3600").status == 303
        assert "paused until" in site.get("/").text, "at once"
        assert '"paused"' in agent.run("status", "--json").stdout
        assert site.post("/resume").status == 303
        assert "paused until" not in site.get("/").text
        stream = site.connect("/stream")
        assert b"summary" in stream.read_until(b"nearby")
        stream.close()


def test_it_works_with_the_agent_stopped(program: Program, folder: Path, tmp_path: Path) -> None:
    assert program.run("page", BLUEZONE_PAGE=str(folder)).returncode == 0
    with page(program, folder, tmp_path / "web") as address:
        site = at(address)
        for path in ("/", "/contacts", "/exposures", "/positive", "/doctor", "/settings"):
            assert site.get(path).status == 200
        assert "the agent is not running" in site.get("/").text
        assert site.post("/pause", mode="paused", lasts="3600").status == 503


def test_the_token_stays_and_the_owner_is_shown_the_address(program: Program, folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "web"
    with page(program, folder, state) as first:
        shown = program.run("web", "--show-address", BLUEZONE_WEB=str(state))
        assert shown.stdout.strip() == first
        site = at(first)
    with page(program, folder, state) as second:
        assert second.partition("?")[2] == first.partition("?")[2]
        assert at(second).request("GET", "/", cookie=site.cookie).status == 503, (
            "known, though there is nothing to show"
        )
    assert (state / "token").stat().st_mode & 0o777 == 0o600
    assert (state / "address").stat().st_mode & 0o777 == 0o640


def test_without_a_service_the_way_out_is_named(program: Program, tmp_path: Path) -> None:
    done = program.run("web", "--show-address", BLUEZONE_WEB=str(tmp_path / "nosuch"))
    assert done.returncode == 1
    assert "sudo scripts/install --web" in done.stderr
    done = program.run("web", "--service", BLUEZONE_PAGE=str(tmp_path / "nosuch"))
    assert done.returncode == 78
    assert f"BLUEZONE_PAGE = {tmp_path}/nosuch" in done.stderr


AGENT_UID, PAGE_UID, STRANGER_UID = 4711, 4712, 4713


def as_user(uid: int, work: Callable[[], object]) -> bool:
    """Return whether ``work`` succeeds in a process of another user, which has everything loaded."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            work()
        except BaseException:  # noqa: BLE001 - whatever it is, it did not succeed
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be other users")
def test_the_folder_gives_what_the_agent_writes_to_the_page_and_to_nobody_else() -> None:
    """As systemd/bluezone-web.tmpfiles.conf makes it: the agent's process needs no right to give files away."""
    with tempfile.TemporaryDirectory(prefix="bluezone-") as place:
        folder = Path(place) / "page"
        folder.mkdir()
        Path(place).chmod(0o755)
        os.chown(folder, AGENT_UID, PAGE_UID)
        folder.chmod(0o2750)
        written = folder / "now.json"

        def write() -> None:
            replace(written, b"{}", mode=READABLE_BY_GROUP)
            listening = _bound(folder / "page.sock", OWNER_AND_GROUP)
            listening.listen()

        def read() -> None:
            assert written.read_bytes() == b"{}"
            with socket.socket(socket.AF_UNIX) as one, suppress(ConnectionRefusedError):
                one.connect(str(folder / "page.sock"))

        assert as_user(AGENT_UID, write)
        assert as_user(PAGE_UID, read)
        assert not as_user(PAGE_UID, lambda: written.write_bytes(b""))
        assert not as_user(PAGE_UID, written.unlink)
        assert not as_user(STRANGER_UID, read)
        assert written.stat().st_gid == PAGE_UID
