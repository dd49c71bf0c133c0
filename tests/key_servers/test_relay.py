"""The process that has the network sends what the agent asks for, to the configured servers alone."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.errors import KeyServerError
from bluezone_agent.key_servers import relay
from bluezone_agent.key_servers.google import GoogleKeyServer
from bluezone_agent.key_servers.relay import Relay
from tests.key_servers.google import CODE, Servers


@pytest.fixture
def listening(tmp_path: Path, servers: Servers) -> Iterator[Path]:
    """A relay for one pair of servers."""
    path = tmp_path / "submit.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with suppress(OSError):  # the listener is closed below
                relay.serve(listener, (f"{servers.url}/",))

        threading.Thread(target=serve, daemon=True).start()
        yield path


def test_a_code_becomes_a_token_as_without_a_relay(listening: Path, servers: Servers) -> None:
    relayed = GoogleKeyServer(servers.url, servers.url, "API-KEY", "vn.example", Relay(listening).send)
    assert relayed.token(CODE) == GoogleKeyServer(servers.url, servers.url, "API-KEY", "vn.example").token(CODE)
    (_, headers, _, length), (_, direct_headers, _, direct_length) = servers.calls
    assert (headers, length) == (direct_headers, direct_length), "the network can't tell them apart"


def test_a_refusal_and_a_silent_server_are_said_as_without_a_relay(listening: Path, servers: Servers) -> None:
    relayed = GoogleKeyServer(servers.url, servers.url, "API-KEY", "vn.example", Relay(listening).send)
    with pytest.raises(KeyServerError, match="code_invalid"):
        relayed.token("0")
    servers.answers["/api/verify"] = (200, "x" * 70_000)
    with pytest.raises(KeyServerError, match="answers 200"):
        relayed.token(CODE)


def test_other_addresses_are_not_reached(listening: Path, servers: Servers) -> None:
    for url in ("http://127.0.0.1:1/api/verify", f"{servers.url}.example/", "file:///etc/passwd", ""):
        with pytest.raises(KeyServerError, match="not the server in"):
            Relay(listening).send(url, {}, b"")
    assert servers.calls == []


def test_a_relay_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyServerError, match="No such file"):
        Relay(tmp_path / "nosuch").send("http://127.0.0.1:1/", {}, b"")


@given(
    st.binary(max_size=200) | st.builds(lambda v: json.dumps(v).encode(), st.recursive(st.none() | st.text(), st.lists))
)
def test_any_request_is_answered(line: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(line.replace(b"\n", b"") + b"\n")
        relay.answer_one(ours, ("http://127.0.0.1:1/",))
        answer = json.loads(theirs.recv(4096))
    assert answer["failure"] in ("the request can't be read", "it is not the server in [publish]")


def test_no_repr_has_a_key() -> None:
    assert "secret" not in repr(relay._RelayedRequest("https://a/", {"X-API-Key": "secret"}, b"secret"))
    assert "secret" not in repr(relay._RelayedAnswer(200, b"secret"))
