"""The page on a network: over TLS, for whoever knows the passphrase, and under its address alone."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import ssl
import subprocess
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest

from bluezone_agent.app.page_files import CERTIFICATE, LOGIN
from bluezone_agent.app.page_view import ServicePage
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.errors import AgentError
from bluezone_agent.stores.store import Store
from bluezone_agent.web import connections, server
from bluezone_agent.web.access import Access
from bluezone_agent.web.certificate import LASTS, kept_certificate
from bluezone_agent.web.lan import protected
from bluezone_agent.web.login import MOST_WRONG, MOST_WRONG_IN_ALL, WRONG_S, Attempts
from bluezone_agent.web.passphrase import keep_passphrase, kept_passphrase
from bluezone_agent.web.program import Listen, _served
from bluezone_agent.web.server import Address, Network, bound
from tests.program import Program
from tests.web.browser import NARROW, browser, needs_chromium, small_texts, violations
from tests.web.site import TIMEOUT_S, Answer, Site, running

HOST: Final = "127.0.0.2"
PASSPHRASE: Final = "sáu từ không ai đoán được"
NOW: Final = datetime(2026, 11, 29, tzinfo=UTC)


def given(text: str) -> Passphrase:
    """Return a passphrase that somebody types."""
    return Passphrase(None, lambda _path, _new: text)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Network, str]:
    state = tmp_path_factory.mktemp("state")
    return state, *protected(state, HOST, given(PASSPHRASE))


@pytest.fixture
def site(network: tuple[Path, Network, str], tmp_path: Path) -> Iterator[Site]:
    state, lan, _fingerprint = network
    trusting = ssl.create_default_context(cafile=state / CERTIFICATE)
    with bound(HOST, 0) as listening:
        address = Address(HOST, listening.getsockname()[1], secure=True)
        found = Site(address, Access(lan.passphrase.secret.hex(), secure=True), trusting)
        with running(ServicePage(tmp_path), found, listening, lan):
            yield found


def enter(site: Site, passphrase: str, **headers: str) -> Answer:
    """Send the form with the passphrase."""
    sent = {"origin": site.origin, "content_type": "application/x-www-form-urlencoded"} | headers
    return site.request("POST", "/login", urlencode({"passphrase": passphrase}), **sent)


def test_the_passphrase_makes_a_browser_known(site: Site) -> None:
    asked = site.request("GET", "/")
    assert asked.status == 403
    assert '<form method="post" action="/login">' in asked.text
    answer = enter(site, PASSPHRASE)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie, _, attributes = answer.headers["set-cookie"].partition("; ")
    assert attributes.split("; ") == ["Path=/", "Max-Age=2592000", "HttpOnly", "SameSite=Strict", "Secure"]
    assert site.request("GET", "/", cookie=cookie).status == 503, "known, though there is nothing to show"


@needs_chromium
@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_browser_is_let_in_by_the_keyboard_alone(site: Site, language: str) -> None:
    with browser() as chromium:
        context = chromium.new_context(viewport={"width": NARROW, "height": 844}, ignore_https_errors=True)
        context.add_cookies([{"name": "bluezone-language", "value": language, "url": site.origin}])
        page = context.new_page()
        page.goto(site.origin)
        page.keyboard.type("a wrong passphrase")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        assert violations(page) == []
        assert small_texts(page) == []
        page.keyboard.type(PASSPHRASE)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.origin}/")


def test_without_the_passphrase_nothing_is_shown(site: Site) -> None:
    for path in ("/", "/contacts", "/stream", "/nosuch", f"/?token={site.access.token}"):
        assert site.request("GET", path).status == 403
    for wrong in ("", "a wrong passphrase", f" {PASSPHRASE}", "x" * 3000):
        answer = enter(site, wrong)
        assert answer.status == 403
        assert "set-cookie" not in answer.headers
        assert "This is not the passphrase." in answer.text
    assert enter(site, "x" * 5000).status == 413


def test_after_five_wrong_ones_even_the_right_one_has_to_wait(site: Site) -> None:
    for _ in range(MOST_WRONG):
        assert enter(site, "a wrong passphrase").status == 403
    answer = enter(site, PASSPHRASE)
    assert answer.status == 429
    assert "Try again in 15 minutes" in answer.text
    assert site.get("/").status == 503, "a browser that is known stays so"


def test_attempts_are_counted_by_address_and_in_all() -> None:
    now_s = [0.0]
    attempts = Attempts(lambda: now_s[0])
    assert [attempts.begins("one") for _ in range(MOST_WRONG + 1)] == [True] * MOST_WRONG + [False]
    assert attempts.begins("other")
    attempts.succeeded("other")
    now_s[0] = WRONG_S
    assert attempts.begins("one"), "after a quarter of an hour"
    attempts.succeeded("one")
    assert [attempts.begins(str(n)) for n in range(MOST_WRONG_IN_ALL + 1)][-2:] == [True, False]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost", HOST, f"{HOST}:1", ""])
def test_another_name_is_not_served(site: Site, host: str) -> None:
    assert site.request("GET", "/", host=host, cookie=site.cookie).status == 421
    assert enter(site, PASSPHRASE, host=host).status == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", f"http://{HOST}"])
def test_another_site_can_not_send_the_passphrase(site: Site, origin: str) -> None:
    assert enter(site, PASSPHRASE, origin=origin).status == 403


def test_a_default_port_is_left_out() -> None:
    assert Address(HOST, 443, secure=True).hosts == {HOST, f"{HOST}:443"}
    assert Address(HOST, 80, secure=True).hosts == {f"{HOST}:80"}


def test_nothing_is_said_without_tls(site: Site) -> None:
    without_tls = replace(site, tls=None)
    with pytest.raises(OSError, match=r"reset|closed"):
        without_tls.request("GET", "/")
    assert site.get("/").status == 503, "the others are served on"


def test_an_older_tls_is_refused(site: Site) -> None:
    older = ssl.create_default_context()
    older.check_hostname, older.verify_mode = False, ssl.CERT_NONE
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        replace(site, tls=older).request("GET", "/")


def test_a_handshake_that_never_ends_is_dropped(site: Site) -> None:
    assert connections.REQUEST_S < 60, "what asyncio would wait"
    with socket.create_connection((HOST, site.address.port), TIMEOUT_S) as one:
        one.sendall(b"\x16\x03\x01")
        assert one.recv(1) == b""


@pytest.mark.parametrize("address", [Address(HOST, 1), Address(HOST, 1, secure=True), Address("127.0.0.1", 1, True)])
async def test_a_network_is_never_served_without_protection(tmp_path: Path, address: Address) -> None:
    with bound(HOST, 0) as listening, pytest.raises(ValueError, match="TLS and a passphrase"):
        await server.serve(ServicePage(tmp_path), Access("token"), address, listening, asyncio.Event())


def test_a_certificate_is_kept_while_it_is_valid_and_for_its_address(tmp_path: Path) -> None:
    path = tmp_path / CERTIFICATE
    first = kept_certificate(path, HOST, NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch("([0-9A-F]{2}:){31}[0-9A-F]{2}", first.fingerprint)
    assert kept_certificate(path, HOST, NOW + LASTS - timedelta(days=2)) == first
    assert kept_certificate(path, HOST, NOW + LASTS) != first
    second = kept_certificate(path, HOST, NOW)
    assert kept_certificate(path, "127.0.0.3", NOW) != second
    path.write_text("damaged")
    assert kept_certificate(path, HOST, NOW).fingerprint in fingerprint_of(path)


def fingerprint_of(path: Path) -> str:
    """Return what OpenSSL says, which browsers show."""
    command = ["openssl", "x509", "-in", str(path), "-noout", "-fingerprint", "-sha256"]
    return str(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_only_what_scrypt_makes_of_a_passphrase_is_kept(tmp_path: Path) -> None:
    path = tmp_path / LOGIN
    assert kept_passphrase(path) is None
    made = keep_passphrase(path, PASSPHRASE)
    assert kept_passphrase(path) == made
    assert made.is_right(unicodedata.normalize("NFD", PASSPHRASE)), "however a keyboard composes its letters"
    assert not made.is_right(PASSPHRASE.upper())
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSPHRASE.encode() not in path.read_bytes()
    assert made.secret.hex() not in repr(made)
    for damaged in ("", "{}", '{"salt":"","secret":""}'):
        path.write_text(damaged)
        with pytest.raises(AgentError, match="damaged"):
            kept_passphrase(path)


def test_browsers_are_known_by_the_passphrase_that_is_kept(tmp_path: Path) -> None:
    first = _served(0, Listen(HOST, given(PASSPHRASE)), tmp_path, lambda: "")
    again = _served(0, Listen(HOST, given("nobody is asked")), tmp_path, lambda: "")
    (tmp_path / LOGIN).unlink()
    new_passphrase = _served(0, Listen(HOST, given("another one that nobody guesses")), tmp_path, lambda: "")
    cookie = first.access.session_cookie.partition(";")[0]
    assert again.access.knows(cookie)
    assert not new_passphrase.access.knows(cookie)


def test_a_new_passphrase_takes_the_place_of_the_old(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE)
    first, fingerprint = protected(tmp_path, HOST, given(PASSPHRASE))
    from_file = Passphrase(file, lambda _path, _new: "")
    assert protected(tmp_path, HOST, given("nobody is asked"))[0].passphrase == first.passphrase
    assert protected(tmp_path, HOST, from_file)[0].passphrase == first.passphrase, "the same"
    file.write_text("another one that nobody guesses")
    second, same_certificate = protected(tmp_path, HOST, from_file)
    assert second.passphrase.secret != first.passphrase.secret
    assert same_certificate == fingerprint


@pytest.mark.parametrize("address", ["0.0.0.0", "8.8.8.8", "224.0.0.1", "::1", "raspberrypi", "192.168.1", ""])
def test_only_an_address_of_a_private_network_is_served(program: Program, address: str) -> None:
    done = program.run("web", "--listen", address, "--passphrase-file", "-", stdin=f"{PASSPHRASE}\n")
    assert done.returncode == 2
    assert "hostname -I" in done.stderr
    assert not (program.state_dir / LOGIN).exists()


def test_it_is_refused_without_a_passphrase(program: Program) -> None:
    done = program.run("web", "--listen", HOST)
    assert done.returncode == 2
    assert "--passphrase-file FILE" in done.stderr
    done = program.run("web", "--listen", HOST, "--passphrase-file", "-", stdin="short\n")
    assert done.returncode != 0
    assert "too short" in done.stderr
    done = program.run("web", "--passphrase-file", "-", stdin=f"{PASSPHRASE}\n")
    assert done.returncode == 2
    assert "--listen ADDRESS" in done.stderr


def test_the_command_says_how_to_open_it_and_no_secret(program: Program) -> None:
    (program.home / "passphrase").write_text(PASSPHRASE)
    program.config.write_text("clock_trusted = true\n")
    command = program.command("web", "--listen", HOST, "--port", "0", "--passphrase-file", "passphrase")
    child = subprocess.Popen(
        command,
        cwd=program.home,
        env=program.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    line = child.stdout.readline().strip()
    found = re.fullmatch(rf"https://{HOST}:(\d+)/", line)
    assert found
    trusting = ssl.create_default_context(cafile=program.state_dir / CERTIFICATE)
    site = Site(Address(HOST, int(found[1]), secure=True), Access("unknown", secure=True), trusting)
    assert enter(site, "a wrong passphrase").status == 403
    assert enter(site, PASSPHRASE).status == 303
    with pytest.raises(OSError, match=r"reset|closed"):
        replace(site, tls=None).request("GET", "/")
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 0
    assert "SHA-256 fingerprint of its certificate:" in err
    assert ":".join(err.splitlines()[1:5]) in fingerprint_of(program.state_dir / CERTIFICATE)
    assert "Traceback" not in err
    assert PASSPHRASE not in out + err
    assert "a wrong passphrase" not in out + err
    secret = kept_passphrase(program.state_dir / LOGIN)
    assert secret is not None
    assert secret.secret.hex() not in out + err


def test_wiping_takes_what_it_kept(program: Program) -> None:
    program.config.write_text("")
    Store(program.state_dir).close()
    protected(program.state_dir, HOST, given(PASSPHRASE))
    assert program.run("wipe", "--yes").returncode == 0
    assert not (program.state_dir / LOGIN).exists()
    assert not (program.state_dir / CERTIFICATE).exists()
