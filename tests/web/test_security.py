"""Who may open the page, and what nobody can make of it."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bluezone_agent.app import page
from bluezone_agent.app.device import Device
from bluezone_agent.app.page_folder import PAGE
from bluezone_agent.stores.store import Store
from bluezone_agent.web import connections
from bluezone_agent.web.access import Access
from bluezone_agent.web.pages import PAGES
from tests.web.site import TOKEN, Site, served_folder

PATHS = [page.path for page in PAGES]
FORMS = ["/language", "/pause", "/resume"]
PRIVATE = "CDC of the owner"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of a device."""
    home = tmp_path_factory.mktemp("device")
    state, folder, config = home / "state", home / "page", home / "agent.toml"
    state.mkdir(0o700)
    folder.mkdir()
    config.write_text(f'[authority]\nname = "{PRIVATE}"\n')
    Store(state).close()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(PAGE, str(folder))
        page.write_page(Device(state, config))
    return folder


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    with served_folder(folder) as found:
        yield found


@pytest.mark.parametrize("path", [*PATHS, "/stream", "/nosuch"])
def test_without_the_token_nothing_is_shown(site: Site, path: str) -> None:
    for wrong in ({}, {"cookie": "bluezone-session=guess"}, {"cookie": f"bluezone-session={TOKEN}"}):
        answer = site.request("GET", path, **wrong)
        assert answer.status == 403
        assert "This page is for its owner" in answer.text
        assert "State of" not in answer.text
    assert site.request("GET", f"{path}?token=guess").status == 403


def test_the_token_makes_a_browser_known_and_leaves_the_address(site: Site) -> None:
    answer = site.request("GET", f"/?token={TOKEN}")
    assert answer.status == 303
    assert answer.headers["location"] == "/"
    assert answer.headers["set-cookie"].split("; ")[1:] == ["Path=/", "Max-Age=2592000", "HttpOnly", "SameSite=Strict"]
    assert TOKEN not in answer.headers["set-cookie"]
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert site.request("GET", "/", cookie=cookie).status == 200
    assert TOKEN not in site.get("/").text


def test_another_token_makes_another_cookie() -> None:
    one, other = Access("one"), Access("other")
    assert not other.knows(one.session_cookie.partition(";")[0])
    assert not other.accepts_form(one.form_value)
    assert not one.accepts_form(one.session_cookie.partition(";")[0].partition("=")[2])
    assert "one" not in repr(one).replace("'one'", "one") or "token" not in repr(one)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "[::1]:80", "", "a@b"])
def test_another_name_for_this_address_is_not_served(site: Site, host: str) -> None:
    """DNS rebinding: an attacker's name leads to 127.0.0.1, so that the browser takes the page for the attacker's."""
    assert site.request("GET", "/", host=host, cookie=site.cookie).status == 421
    assert site.request("GET", f"/?token={TOKEN}", host=host).status == 421
    assert site.request("GET", "/static/page.css", host=host).status == 421
    assert site.request("GET", "/", host=f"localhost:{site.address.port}", cookie=site.cookie).status == 200


@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_another_site_changes_nothing(site: Site, path: str) -> None:
    body = urlencode({"form": site.access.form_value, "language": "vi", "mode": "paused", "lasts": "1800"})
    kind = {"content_type": "application/x-www-form-urlencoded"}
    own = {"cookie": site.cookie, "origin": site.origin} | kind
    assert site.request("POST", path, body, **own).status in {303, 503}, "the owner's own form"
    for origin in ("http://evil.example", "null", f"https://{site.host}", f"http://{site.host}.evil.example"):
        assert site.request("POST", path, body, **own | {"origin": origin}).status == 403
    assert site.request("POST", path, body, cookie=site.cookie, **kind).status == 403, "no origin"
    assert site.request("POST", path, body, origin=site.origin, **kind).status == 403, "no cookie"
    for forged in ("", "form=", "form=guess", f"form={TOKEN}", "\xff", "form=%ff", "&" * 50):
        assert site.request("POST", path, forged, **own).status == 403
    assert site.request("POST", path, body + "&x=" + "x" * 5000, **own).status == 413
    assert site.request("GET", f"{path}?{body}", cookie=site.cookie).status == 405


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"])
def test_other_methods_are_not_allowed(site: Site, method: str) -> None:
    assert site.request(method, "/", cookie=site.cookie, origin=site.origin).status in {405, 403}


@pytest.mark.parametrize(
    "path",
    [
        "/static/../access.py",
        "/static/..%2faccess.py",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/page.css.j2",
        "/static/page.css%00",
        "/static/",
        "/..%2f..%2fnow.json",
        "/now.json",
        "//evil.example/",
    ],
)
def test_no_path_leads_to_a_file(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status == 404
    assert "made_at" not in answer.text
    assert "root:" not in answer.text


def test_no_header_can_be_put_into_an_answer(site: Site) -> None:
    for path in (f"/?token={TOKEN}%0d%0aset-cookie:%20a=b", "/%0d%0aset-cookie:%20a=b", "/contacts%0d%0ax:y"):
        assert "a=b" not in str(site.get(path).headers)
    answer = site.post("/language", language="vi\r\nset-cookie: a=b", back="//evil.example/\r\nx: y")
    assert answer.headers["location"] == "/settings"
    assert "a=b" not in str(answer.headers)
    assert site.post("/language", language="vi", back="//evil.example/").headers["location"] == "/settings"
    assert site.post("/language", language="vi", back="/contacts").headers["location"] == "/contacts"


@pytest.mark.parametrize("path", [*PATHS, "/nosuch", "/static/page.css", "/static/nosuch"])
def test_every_answer_has_the_headers(site: Site, path: str) -> None:
    for answer in (site.get(path), site.request("GET", path), site.request("PUT", path)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["server"] is None
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_nothing_inline_and_loads_nothing_from_elsewhere(site: Site, path: str) -> None:
    text = site.get(path).text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert re.findall(r"<script(?! type=\"module\" src=\"/static/)", text) == []
    found = re.findall(r"(?:src|href|action)=\"([^\"]*)\"", text)
    assert [link for link in found if not re.match(r"/(?!/)|#|tel:|data:,$", link)] == []


def is_closed(connection: socket.socket) -> bool:
    """Return whether the server has closed a connection; raises TimeoutError if it has not."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def held(site: Site, count: int) -> list[socket.socket]:
    """Open connections that send nothing."""
    found = []
    for _ in range(count):
        one = socket.socket()
        one.settimeout(10)
        one.connect((site.address.host, site.address.port))
        found.append(one)
    return found


def test_a_thousand_connections_do_not_keep_the_owner_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 600)
    others = held(site, 500)
    try:
        assert site.get("/").status == 200
        assert is_closed(others[0]), "the oldest went"
        others += held(site, 500)
        assert site.get("/").status == 200
    finally:
        for one in others:
            one.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20])
def test_a_client_that_sends_no_request_is_dropped(site: Site, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)
    (one,) = held(site, 1)
    with one:
        one.sendall(sent)
        assert one.recv(100) == b"", "the server closes it"


def test_a_client_that_trickles_is_dropped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    (one,) = held(site, 1)
    with one, pytest.raises(OSError, match=r"reset|pipe"):
        for _ in range(200):
            one.sendall(b"X")
            time.sleep(0.05)


def test_headers_without_end_are_refused(site: Site) -> None:
    (one,) = held(site, 1)
    with one:
        one.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 200_000)
        assert one.recv(100).startswith(b"HTTP/1.1 400")


def test_a_body_that_never_comes_does_not_hold_the_page(site: Site) -> None:
    (one,) = held(site, 1)
    with one:
        one.sendall(
            f"POST /pause HTTP/1.1\r\nHost: {site.host}\r\nCookie: {site.cookie}\r\nOrigin: {site.origin}\r\n"
            "Content-Length: 100\r\n\r\nform=".encode()
        )
        assert site.get("/").status == 200
