"""Case files from a real web server on this machine, which answers well, badly and with malice."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from bluezone_agent.errors import ConfigError, KeySourceError
from bluezone_agent.key_sources import SourceAddress, open_source
from bluezone_agent.key_sources.fetch import MAX_REDIRECTS
from bluezone_agent.key_sources.index import MAX_FILE, MAX_INDEX, MAX_LINES
from bluezone_agent.ports import SourceFile
from tests.key_sources.reading import files_of, visited
from tests.key_sources.server import Answer, Site, serving


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as started:
        yield started


def read(location: str, *known: str) -> list[SourceFile]:
    return files_of(location, *known)


def failure(location: str | SourceAddress, *before: SourceFile) -> KeySourceError:
    """Return why a source, or one of its files, can't be had, after it yielded ``before``."""
    found = visited(location)
    assert found.files == list(before)
    (error,) = [*([found.error] if found.error else []), *(m.error for m in found.missing)]
    assert error.hint
    return error


def test_files_come_in_the_order_of_the_index_with_their_signatures(site: Site) -> None:
    site.answers = {
        "/index.txt": Answer(b"b/2.json\r\n\na/1.zip\nb/2.json\n"),
        "/a/1.zip": Answer(b"zip"),
        "/b/2.json": Answer(b"json"),
        "/b/2.json.sig": Answer(b"signature"),
    }
    expected = [SourceFile("b/2.json", b"json", b"signature"), SourceFile("a/1.zip", b"zip")]
    assert read(site.url) == expected
    assert read(site.url.rstrip("/")) == expected
    assert read(site.url, "b/2.json") == expected[1:]
    assert site.paths[-2:] == ["/index.txt", "/a/1.zip"], "a known file is not fetched"


def test_a_folder_below_the_root_and_a_single_file(site: Site) -> None:
    site.answers = {"/keys/vn/index.txt": Answer(b"1.zip"), "/keys/vn/1.zip": Answer(b"zip")}
    assert read(site.url + "keys/vn") == [SourceFile("1.zip", b"zip")]
    assert read(site.url + "keys/vn/1.zip", "1.zip") == [SourceFile("1.zip", b"zip")], "it may have new contents"


def test_every_device_sends_the_same_and_no_cookie(site: Site) -> None:
    site.answers = {"/index.txt": Answer(b"1.zip", headers={"Set-Cookie": "id=1"}), "/1.zip": Answer(b"zip")}
    read(site.url)
    for _, headers in site.requests:
        del headers["Host"]
        assert headers == {
            "User-Agent": "bluezone-agent",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "keep-alive",
        }


def test_a_proxy_of_the_environment_is_not_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setitem(os.environ, "NO_PROXY", "")
    site.answers["/index.txt"] = Answer(b"")
    assert read(site.url) == []


def test_a_passing_fault_is_tried_again(site: Site) -> None:
    site.answers["/index.txt"] = Answer(b"", failures=2)
    assert read(site.url) == []
    assert len(site.requests) == 3


def test_after_three_attempts_the_answer_is_said(site: Site) -> None:
    site.answers["/index.txt"] = Answer(b"", failures=9)
    assert str(failure(site.url)) == f"{site.url}index.txt answers 503 Service Unavailable"
    assert len(site.requests) == 3


def test_a_server_that_asks_for_an_hour_is_left_alone(site: Site) -> None:
    site.answers["/index.txt"] = Answer(b"", failures=9, headers={"Retry-After": "3600"})
    failure(site.url)
    assert len(site.requests) == 1


def test_a_server_that_asks_for_more_than_is_left_is_left_alone(site: Site) -> None:
    site.answers["/index.txt"] = Answer(b"", failures=9, headers={"Retry-After": "30"})
    with stamina.set_testing(False):
        assert "answers 503" in str(failure(SourceAddress(site.url, deadline_s=5)))
    assert len(site.requests) == 1


@pytest.mark.timeout(60)
def test_a_silent_server_is_not_waited_for_beyond_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert "within 0 s" in str(failure(SourceAddress(url, deadline_s=0.4, silence_s=600)))


@pytest.mark.parametrize("status", [204, 403, 404, 410])
def test_a_refusal_is_said_and_not_repeated(site: Site, status: int) -> None:
    site.answers["/index.txt"] = Answer(b"", status)
    assert f"{site.url}index.txt answers {status}" in str(failure(site.url))
    assert len(site.requests) == 1


def test_a_missing_file_does_not_hold_back_the_others(site: Site) -> None:
    site.answers = {"/index.txt": Answer(b"gone.zip\n2.zip\n"), "/2.zip": Answer(b"zip")}
    error = failure(site.url, SourceFile("2.zip", b"zip"))
    assert str(error) == f"{site.url}gone.zip answers 404 Not Found"


def test_nine_missing_files_do_not_hold_back_the_tenth(site: Site) -> None:
    site.answers = {"/index.txt": Answer(b"\n".join(b"%d.zip" % i for i in range(10))), "/9.zip": Answer(b"zip")}
    found = visited(site.url)
    assert ([f.name for f in found.files], len(found.missing), found.error) == (["9.zip"], 9, None)


def test_after_the_third_file_without_an_answer_the_rest_is_left(site: Site) -> None:
    site.answers = {"/index.txt": Answer(b"\n".join(b"%d.zip" % i for i in range(9)))}
    site.answers |= {f"/{i}.zip": Answer(b"half of", truncated=7) for i in range(9)}
    found = visited(site.url)
    assert [m.name for m in found.missing] == ["0.zip", "1.zip"]
    assert f"can't fetch {site.url}2.zip" in str(found.error)
    assert len(site.requests) == 1 + 3 * 3


def test_a_json_file_without_its_signature_is_for_the_check_to_refuse(site: Site) -> None:
    site.answers = {"/index.txt": Answer(b"1.json"), "/1.json": Answer(b"{}")}
    assert read(site.url) == [SourceFile("1.json", b"{}", None)]
    site.answers["/1.json.sig"] = Answer(b"", 403)
    assert str(failure(site.url)) == f"{site.url}1.json.sig answers 403 Forbidden"


def test_a_truncated_answer_is_no_file(site: Site) -> None:
    site.answers = {"/index.txt": Answer(b"1.zip"), "/1.zip": Answer(b"half of", truncated=7)}
    assert f"can't fetch {site.url}1.zip: " in str(failure(site.url))
    assert site.paths.count("/1.zip") == 3


def test_a_login_page_is_no_index(site: Site) -> None:
    site.answers["/index.txt"] = Answer(b"<!DOCTYPE html>\n<html>Welcome to Cafe WiFi</html>")
    error = failure(site.url)
    assert str(error) == f"{site.url}index.txt answers with a web page"
    assert "login page" in error.hint


@pytest.mark.parametrize(
    "line",
    [
        "../keys.zip",
        "a/../../b.zip",
        "/a.zip",
        "//evil.example/a.zip",
        "http://evil.example/a.zip",
        "a//b.zip",
        "a%2f..%2fb.zip",
        "a.zip?you=1",
        "a.zip#x",
        "a\\b.zip",
        "a b.zip",
        "a\x1b[2Jb.zip",
        "ca-nhiễm.zip",
        ".",
        "a/./b",
    ],
)
def test_an_index_leads_nowhere_else(site: Site, line: str) -> None:
    site.answers["/index.txt"] = Answer(f"good.zip\n{line}\n".encode())
    assert "line 2 of" in str(failure(site.url))
    assert site.paths == ["/index.txt"]


def test_an_endless_index_is_refused(site: Site) -> None:
    site.answers["/index.txt"] = Answer(b"\n".join(b"%d.zip" % i for i in range(MAX_LINES + 1)))
    assert f"lists more than {MAX_LINES} files" in str(failure(site.url))
    site.answers["/index.txt"] = Answer(b"a" * (MAX_INDEX + 1))
    assert f"{site.url}index.txt is larger than {MAX_INDEX} bytes" == str(failure(site.url))


def test_a_file_that_is_too_large_is_not_read_to_its_end(site: Site) -> None:
    site.answers = {
        "/index.txt": Answer(b"1.zip\n2.zip"),
        "/1.zip": Answer(bytes(MAX_FILE + 1)),
        "/2.zip": Answer(b"z"),
    }
    error = failure(site.url, SourceFile("2.zip", b"z"))
    assert str(error) == f"{site.url}1.zip is larger than {MAX_FILE} bytes"


def test_a_redirect_within_the_server_is_followed(site: Site) -> None:
    site.answers = {"/index.txt": Answer(b"", 302, {"Location": "/new/index.txt"}), "/new/index.txt": Answer(b"")}
    assert read(site.url) == []


def test_a_redirect_to_another_host_is_not(site: Site) -> None:
    with serving() as elsewhere:
        elsewhere.answers["/index.txt"] = Answer(b"")
        site.answers["/index.txt"] = Answer(b"", 302, {"Location": f"{elsewhere.url}index.txt?who=you"})
        error = failure(site.url)
        assert str(error) == f"{site.url}index.txt redirects elsewhere, to {elsewhere.url}index.txt"
        assert elsewhere.requests == []


def test_a_circle_of_redirects_ends(site: Site) -> None:
    site.answers["/index.txt"] = Answer(b"", 302, {"Location": "/index.txt"})
    assert f"redirects more than {MAX_REDIRECTS} times" in str(failure(site.url))
    assert len(site.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize("what", ["head", "body"])
def test_a_byte_now_and_then_does_not_stretch_the_deadline(site: Site, what: str) -> None:
    site.answers["/index.txt"] = Answer(trickles=what)
    error = failure(SourceAddress(site.url, deadline_s=1))
    assert str(error) == f"{site.url}index.txt was not fully received within 1 s"


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # it is taken, but nobody listens
        port = free.getsockname()[1]
        error = failure(f"http://lan:secret@127.0.0.1:{port}/keys")
    assert str(error).startswith(f"can't fetch http://127.0.0.1:{port}/keys/index.txt: ")
    assert "secret" not in repr(error)
    assert open_source(f"http://lan:secret@127.0.0.1:{port}/keys").name == f"http://127.0.0.1:{port}/keys"


def test_credentials_of_the_location_are_sent(site: Site) -> None:
    site.answers["/index.txt"] = Answer(b"")
    read(site.url.replace("//", "//lan:secret@"))
    assert site.requests[0][1]["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://keys.example.org/", 'location = "http://keys.example.org/" is not https'),
        ("http://localhost.example.org/", "is not https"),
        ("ftp://keys.example.org/", "is neither a path nor an http address"),
        ("file:///tmp", "is neither a path nor an http address"),
        ("https://", "is not the URL of a folder"),
        ("https://keys.example.org/?a=1", 'location = "https://keys.example.org/" is not the URL of a folder'),
        ("https://keys.example.org:port/", "is not a URL"),
    ],
)
def test_a_location_that_can_be_no_source_is_a_mistake_of_the_configuration(location: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_source(location)
    assert message in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("location", ["https://keys.example.org", "http://localhost:8000/", "http://[::1]:8000/"])
def test_https_and_this_machine_are_fine(location: str) -> None:
    assert open_source(location).name == location


def test_a_path_is_a_folder(tmp_path: Path) -> None:
    assert open_source(str(tmp_path)).name == str(tmp_path)
