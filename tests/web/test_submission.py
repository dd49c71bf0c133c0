"""I tested positive: the page submits what the command would, and only what its owner agreed to.

The servers are those of the client's own tests, which check what Google's check.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bluezone_agent.app.device import Device
from bluezone_agent.app.page_view import OwnPage
from bluezone_agent.app.submit_socket import SOCKET
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import KeysSubmitted
from bluezone_agent.i18n import speaking
from bluezone_agent.stores.store import Store
from tests.cli.test_publish import prepared
from tests.key_servers.google import CODE, Servers
from tests.program import Program
from tests.web.browser import NARROW, WIDE, Scheme, browser, needs_chromium, small_texts, tab, violations
from tests.web.site import Site, served
from tests.web.test_service import at, page, wait_for
from tests.web.test_states import text_of

PASS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.argv[2], sys.argv[2:])
"""
ANSWERS = {"way": "code", "days": "14", "onset": "", "language": "en"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "page"
    found.mkdir()
    return found


@pytest.fixture
def site(program: Program, servers: Servers) -> Iterator[Site]:
    prepared(program, servers)
    with served(OwnPage(Device(program.state_dir, program.config))) as found:
        yield found


def shown(site: Site, path: str = "/positive") -> str:
    with speaking("en"):
        return text_of(site.get(path).text)


def test_the_page_submits_and_says_what_was_sent(program: Program, servers: Servers, site: Site) -> None:
    asked = shown(site, "/positive?way=code&days=7&onset=2026-01-02")
    assert "Publish my keys of the last 7 days" in asked
    assert "keys publish --code - --days 7" in asked, "or on the device"
    done = site.post("/positive", **ANSWERS, code=f" {CODE[:4]} {CODE[4:]} ", agree="on")
    assert (done.status, done.headers["location"]) == (303, "/positive")
    assert len(servers.published) == 1
    said = shown(site)
    assert "1 key, from" in said
    assert "1 published" in said
    assert "1 key, from" in program.run("keys", "list").stdout
    assert CODE not in said + program.run("keys", "list").stdout


def test_nothing_is_sent_without_a_yes_or_with_answers_that_cannot_be(servers: Servers, site: Site) -> None:
    for wrong, reason in (
        ({"code": CODE}, "confirm that you want to submit your keys"),
        ({"code": "12\n34;rm", "agree": "on"}, "only letters, digits and hyphens"),
        ({"code": "9" * 65, "agree": "on"}, "only letters, digits and hyphens"),
        ({"code": CODE, "agree": "on", "onset": "2999-01-01"}, "which is in the future"),
        ({"code": CODE, "agree": "on", "onset": "yesterday"}, "is not a date"),
        ({"code": CODE, "agree": "on", "way": ""}, "choose what your health authority gave you"),
    ):
        answer = site.post("/positive", **ANSWERS | wrong)
        assert answer.status == 200
        assert reason in text_of(answer.text)
        if "yesterday" not in str(wrong) and wrong.get("way", "code") and "2999" not in str(wrong):
            assert "Publish my keys of the last 14 days" in text_of(answer.text), "the answers are kept"
    foreign = site.request("POST", "/positive", "code=12345678&agree=on&way=code", cookie=site.cookie)
    assert foreign.status == 403
    assert servers.calls == []


def test_a_refused_code_is_said_with_the_way_out_in_the_readers_language(servers: Servers, site: Site) -> None:
    site.post("/positive", **ANSWERS | {"language": "vi"}, code="0", agree="on")
    said = text_of(site.get("/positive", "vi").text)
    assert "code_invalid" in said
    assert "hãy kiểm tra" in said.lower()
    assert servers.published == []
    site.post("/positive", **ANSWERS, code=CODE, agree="on")
    assert "code_invalid" not in shown(site), "what failed before is over"
    assert len(servers.published) == 1


def test_after_a_failure_of_the_network_no_second_code_is_needed(servers: Servers, site: Site) -> None:
    servers.answers["/v1/publish"] = (503, {"error": "away", "code": "maintenance_mode"})
    site.post("/positive", **ANSWERS, code=CODE, agree="on")
    assert "a token that was already received is kept" in shown(site)
    del servers.answers["/v1/publish"]
    site.post("/positive", **ANSWERS, code="", agree="on")
    assert len(servers.published) == 1
    assert "1 published" in shown(site)


def test_a_submission_that_takes_long_goes_on_without_a_browser(
    servers: Servers, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bluezone_agent.web.submitting.WAITS_S", 0.0)
    site.post("/positive", **ANSWERS, code=CODE, agree="on")
    assert "being sent" in shown(site)
    site.post("/positive", **ANSWERS, code=CODE, agree="on")  # a second click
    wait_for(lambda: "1 published" in shown(site))
    assert len(servers.published) == 1


def test_a_submission_is_forgotten_with_the_keys(program: Program, servers: Servers, site: Site) -> None:
    site.post("/positive", **ANSWERS, code=CODE, agree="on")
    with Store(program.state_dir) as store:
        store.expire(time.time() + 13 * DAY_S)
        assert store.journal.get(KeysSubmitted) is not None
        store.expire(time.time() + 15 * DAY_S)
        assert store.journal.get(KeysSubmitted) is None


def test_encrypted_keys_take_the_command(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    secret = program.home / "passphrase"
    secret.write_text("correct horse battery staple\n")
    assert program.run("keys", "encrypt", "--passphrase-file", str(secret)).returncode == 0
    with served(OwnPage(Device(program.state_dir, program.config))) as site:
        said = shown(site, "/positive?way=code")
    assert "Submit my keys" not in said
    assert "keys publish --code -" in said


@contextmanager
def submitter(program: Program, path: Path) -> Iterator[None]:
    """Start the process that has the network as systemd does: with a listening socket as descriptor 3."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        number = listening.fileno()
        command = [sys.executable, "-c", PASS, str(number), *program.command("keys", "publish", "--serve")]
        child = subprocess.Popen(command, env=program.environment(), pass_fds=(number,))
        try:
            yield
        finally:
            child.kill()
            child.wait()


@pytest.mark.slow
def test_the_service_submits_through_the_process_that_has_the_network(
    program: Program, servers: Servers, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "submit.sock"
    monkeypatch.setenv(SOCKET, str(path))
    prepared(program, servers)
    with submitter(program, path), running_agent(program, folder), page(program, folder, tmp_path / "web") as address:
        site = at(address)
        assert "Publish my keys" in shown(site, "/positive?way=code")
        site.post("/positive", **ANSWERS, code="0", agree="on")
        assert "code_invalid" in shown(site)
        site.post("/positive", **ANSWERS, code=CODE, agree="on")
        assert "1 published" in shown(site)
    assert len(servers.published) == 1


@pytest.mark.slow
def test_without_that_process_the_page_shows_the_command(
    program: Program, servers: Servers, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SOCKET, str(tmp_path / "nosuch.sock"))
    prepared(program, servers)
    with running_agent(program, folder), page(program, folder, tmp_path / "web") as address:
        site = at(address)
        assert "Submit my keys" not in shown(site, "/positive?way=code")
        site.post("/positive", **ANSWERS, code=CODE, agree="on")
        assert "can't reach http://127.0.0.1" in shown(site)
    assert servers.calls == []


@contextmanager
def running_agent(program: Program, folder: Path) -> Iterator[None]:
    """Run an agent among simulated neighbours, which writes for a page."""
    program.config.write_text(f'radio = "virtual"\nclock_trusted = true\n{program.config.read_text()}')
    environment = program.environment() | {"BLUEZONE_PAGE": str(folder), SOCKET: os.environ[SOCKET]}
    child = subprocess.Popen(program.command("run", "--quiet"), env=environment, cwd=program.home)
    try:
        wait_for(lambda: all((folder / name).exists() for name in ("now.json", "findings.json", "page.sock")))
        yield
    finally:
        child.terminate()
        child.wait()


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme", "language"), [(NARROW, "dark", "vi"), (WIDE, "light", "en")])
def test_in_a_browser_it_can_be_read_by_everybody(
    servers: Servers, site: Site, width: int, scheme: Scheme, language: str
) -> None:
    with browser() as chromium, tab(chromium, site, width, scheme, language) as seen:
        for code in ("0", CODE):
            seen.open("/positive?way=code&days=7&onset=2026-01-02&traveler=on")
            assert violations(seen.page) == []
            seen.page.fill("input[name=code]", code)
            seen.page.check("input[name=agree]")
            seen.page.press("input[name=code]", "Enter")
            seen.page.wait_for_url(f"{site.origin}/positive")
            assert violations(seen.page) == []
            assert small_texts(seen.page) == []
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.complaints == []
    (published,) = servers.published
    assert published["traveler"]
    assert "symptomOnsetInterval" in published
