"""A server over TLS that serves a folder, until it is told to misbehave: every way in which servers and networks do."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close with a reset."""
TRICKLE_S = 0.05


class Server:
    """Serves ``folder`` on a free port of 127.0.0.1; ``behave`` answers each connection."""

    def __init__(self, folder: Path, tls: ssl.SSLContext) -> None:
        self.folder = folder
        self.tls = tls
        self.behave: Behaviour = honest
        self.closing = threading.Event()
        self.accepting = threading.Event()
        self.accepting.set()
        self.paused = threading.Event()
        self.connections = 0
        self.requests: list[str] = []
        self._threads: list[threading.Thread] = []
        self._open: list[ssl.SSLSocket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/"

    def run(self) -> None:
        while not self.closing.is_set():
            if self.accepting.is_set():
                self.paused.clear()
                with suppress(TimeoutError):
                    connection, _ = self._listener.accept()
                    self.connections += 1
                    thread = threading.Thread(target=self._answer, args=(connection,))
                    self._threads.append(thread)
                    thread.start()
            else:
                self.paused.set()
                self.closing.wait(0.02)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        for secure in self._open:
            secure.close()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with suppress(OSError), connection:
            self.behave(self, connection)

    def stalled(self) -> None:
        """Say nothing until the test is over."""
        self.closing.wait(30)

    def request(self, connection: socket.socket) -> tuple[ssl.SSLSocket, str]:
        """Shake hands and read a request; return the secure connection and the path."""
        secure = self.tls.wrap_socket(connection, server_side=True)
        self._open.append(secure)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += secure.recv(1)
        path = head.split(b" ")[1].decode()
        self.requests.append(path)
        return secure, path

    def content(self, path: str) -> bytes | None:
        file = self.folder / path.lstrip("/")
        return file.read_bytes() if file.is_file() else None


Behaviour = Callable[[Server, socket.socket], None]


@contextmanager
def serving(folder: Path, tls: ssl.SSLContext) -> Iterator[Server]:
    server = Server(folder, tls)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        thread.join()


def answer(
    secure: ssl.SSLSocket, body: bytes, status: str = "200 OK", *headers: str, length: int | None = None
) -> None:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    secure.sendall("\r\n".join([*head, *headers, "", ""]).encode() + body)
    with suppress(OSError):
        secure.unwrap()
    secure.close()


def honest(server: Server, connection: socket.socket) -> None:
    secure, path = server.request(connection)
    body = server.content(path)
    answer(secure, body or b"", "404 Not Found" if body is None else "200 OK")


def answers(status: str, body: bytes = b"", *headers: str) -> Behaviour:
    """Answer everything with the same."""

    def behave(server: Server, connection: socket.socket) -> None:
        answer(server.request(connection)[0], body, status, *headers)

    return behave


def only_for(suffix: str, fault: Callable[[ssl.SSLSocket, bytes], None]) -> Behaviour:
    """Misbehave for paths that end so, given what they hold; the others are served."""

    def behave(server: Server, connection: socket.socket) -> None:
        secure, path = server.request(connection)
        body = server.content(path)
        if path.endswith(suffix):
            fault(secure, body or b"")
        else:
            answer(secure, body or b"", "404 Not Found" if body is None else "200 OK")

    return behave


def stalls_in_the_handshake(server: Server, connection: socket.socket) -> None:
    connection.recv(1)
    server.stalled()


def stalls_before_the_headers(server: Server, connection: socket.socket) -> None:
    server.request(connection)
    server.stalled()


def stalls_in_the_headers(server: Server, connection: socket.socket) -> None:
    server.request(connection)[0].sendall(b"HTTP/1.1 200 OK\r\nContent-")
    server.stalled()


def stalls_in_the_body(server: Server, connection: socket.socket) -> None:
    server.request(connection)[0].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nPK")
    server.stalled()


def trickles(server: Server, connection: socket.socket) -> None:
    """Send a byte now and then, each before the client could call it silence."""
    secure, _ = server.request(connection)
    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not server.closing.is_set():
        secure.sendall(b"x")
        time.sleep(TRICKLE_S)


def resets(server: Server, connection: socket.socket) -> None:
    secure, _ = server.request(connection)
    secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    secure.close()


def announces_more(secure: ssl.SSLSocket, body: bytes) -> None:
    answer(secure, body, length=len(body) + 7)


def announces_less(secure: ssl.SSLSocket, body: bytes) -> None:
    answer(secure, body, length=len(body) - 7)


def truncates(secure: ssl.SSLSocket, body: bytes) -> None:
    answer(secure, body[: len(body) // 2])


def is_a_page(secure: ssl.SSLSocket, body: bytes) -> None:
    answer(secure, b"\n<!DOCTYPE html><html>Welcome</html>", "200 OK", "Content-Type: application/zip")


def is_missing(secure: ssl.SSLSocket, body: bytes) -> None:
    answer(secure, b"", "404 Not Found")
