"""A real web server whose answers the test chooses."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Answer:
    """What a path answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    truncated: int = 0
    """Bytes of the announced length that never come."""
    trickles: str = ""
    """``head`` or ``body``: sent one byte every 50 ms, for ever."""
    failures: int = 0
    """Times that 503 comes first."""


@dataclass(slots=True)
class Site:
    """The answers by path, and every request as it came."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve on a free port of 127.0.0.1, over TLS where it is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append((self.path, dict(self.headers)))
            answer = site.answers.get(self.path, Answer(b"not here", 404))
            if answer.failures:
                answer.failures -= 1
                answer = Answer(b"", 503, answer.headers)
            if answer.trickles:
                self._trickle(answer.trickles)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + answer.truncated))
            self.end_headers()
            self.wfile.write(answer.body)

        def _trickle(self, what: str) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: " if what == "head" else b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                while not site.closing.is_set():
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    site = Site(f"http{'s' * (tls is not None)}://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
