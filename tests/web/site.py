"""The owner's page served in this process, and what a client gets from it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from bluezone_agent.app.page_view import PageView, ServicePage
from bluezone_agent.web.access import Access
from bluezone_agent.web.server import LOOPBACK, Address, Network, bound, serve
from bluezone_agent.web.site import ExtraPage

TOKEN: Final = "the-token-of-this-test"
TIMEOUT_S: Final = 30
MOST_READS: Final = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got."""

    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass(frozen=True, slots=True)
class Site:
    """A running page."""

    address: Address
    access: Access
    tls: ssl.SSLContext | None = None
    """What a client of a page on a network trusts."""

    @property
    def host(self) -> str:
        return f"{self.address.host}:{self.address.port}"

    @property
    def origin(self) -> str:
        return self.address.url.removesuffix("/")

    @property
    def cookie(self) -> str:
        """What a browser sends that has opened the page."""
        return self.access.session_cookie.partition(";")[0]

    def request(self, method: str, path: str, body: str | None = None, /, **headers: str) -> Answer:
        """Send one request with these headers alone, apart from Host."""
        connection = self._connection()
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port, _secure = self.address
        if self.tls is None:
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self.tls)

    def get(self, path: str, language: str = "en") -> Answer:
        """Load a page as the owner."""
        return self.request("GET", path, cookie=f"{self.cookie}; bluezone-language={language}")

    def connect(self, path: str) -> Connection:
        """Ask for something that does not end, as the owner."""
        return Connection(self, path)

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form of the page as the owner's browser does."""
        return self.request(
            "POST",
            path,
            urlencode({"form": self.access.form_value} | fields),
            cookie=self.cookie,
            origin=self.origin,
            content_type="application/x-www-form-urlencoded",
        )


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work)


@contextmanager
def served(view: PageView, *extras: ExtraPage) -> Iterator[Site]:
    """Serve a view on a free port, perhaps with more pages."""
    with bound(LOOPBACK, 0) as listening:
        site = Site(Address(LOOPBACK, listening.getsockname()[1]), Access(TOKEN))
        with running(view, site, listening, extras=extras):
            yield site


@contextmanager
def running(
    view: PageView,
    site: Site,
    listening: socket.socket,
    network: Network | None = None,
    extras: Sequence[ExtraPage] = (),
) -> Iterator[None]:
    """Serve a view in another thread."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    work = serve(view, site.access, site.address, listening, stop, network=network, extras=extras)
    thread = threading.Thread(target=_run, args=(loop, work), daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(TIMEOUT_S)
        assert not thread.is_alive(), "the page does not stop"


@contextmanager
def served_folder(folder: Path) -> Iterator[Site]:
    """Serve what is in a folder, as the service does."""
    with served(ServicePage(folder)) as site:
        yield site


class Connection:
    """A connection on which an answer does not end."""

    def __init__(self, site: Site, path: str) -> None:
        self._socket = socket.create_connection((site.address.host, site.address.port), TIMEOUT_S)
        asked = f"GET {path} HTTP/1.1\r\nHost: {site.host}\r\nCookie: {site.cookie}\r\n\r\n"
        self._socket.sendall(asked.encode())
        self._read = b""

    def read_until(self, wanted: bytes, times: int = 1) -> bytes:
        """Return what came until ``wanted`` came so often."""
        while self._read.count(wanted) < times:
            more = self._socket.recv(4096)
            assert more, self._read
            self._read += more
        return self._read

    def is_over(self) -> bool:
        """Return whether the answer ends, after the little that may still come."""
        for _ in range(MOST_READS):
            if b"0\r\n\r\n" in self._read:
                return True
            self._read += self._socket.recv(4096)
        return False

    def close(self) -> None:
        """Close it, as a tab does."""
        self._socket.close()
