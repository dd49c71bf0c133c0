"""Runs the page: its socket, its limits, and the work that goes on behind it."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import uvicorn

from bluezone_agent.app.page_view import OwnPage, PageView
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.web.access import Access
from bluezone_agent.web.connections import REQUEST_S, LimitedProtocol
from bluezone_agent.web.guard import Guard
from bluezone_agent.web.login import Attempts, Login
from bluezone_agent.web.passphrase import KeptPassphrase
from bluezone_agent.web.site import ExtraPage, Site
from bluezone_agent.web.stream import Streams

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
"""Browsers leave them out."""
BACKLOG: Final = 128
KEEP_ALIVE_S: Final = 5
STOP_S: Final = 2
"""Open streams end with the process."""


class Address(NamedTuple):
    """Where the page is served."""

    host: str
    port: int
    secure: bool = False

    @property
    def url(self) -> str:
        """The address that a browser opens."""
        return f"{self._scheme}://{self.host}:{self.port}/"

    @property
    def _scheme(self) -> str:
        return "https" if self.secure else "http"

    @property
    def hosts(self) -> frozenset[str]:
        """Values of the Host header for it."""
        names = {self.host} | ({"localhost"} if self.host == LOOPBACK and not self.secure else set())
        shortened = names if DEFAULT_PORTS[self._scheme] == self.port else set()
        return frozenset(f"{name}:{self.port}" for name in names) | shortened


def bound(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises AgentError."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)  # a browser may come before the first page can be made
    except OSError as error:
        listening.close()
        raise AgentError(
            N_("can't listen on {host}:{port}: {reason}"),
            N_("choose another port with --port N, and with --listen an address of this device"),
            host=host,
            port=port,
            reason=error.strerror or error,
        ) from error
    return listening


class Network(NamedTuple):
    """What protects the page on a network."""

    tls: ssl.SSLContext
    passphrase: KeptPassphrase


def application(
    view: PageView,
    access: Access,
    address: Address,
    network: Network | None = None,
    extras: Sequence[ExtraPage] = (),
) -> tuple[Guard, tuple[Streams[Any], ...]]:
    """Return the guarded site, and its streams, whose work somebody has to run."""
    site = Site(view, access, extras)
    if network is None:
        return Guard(site.application(), access, address.hosts, site.stranger), site.streams
    login = Login(network.passphrase, access, site.asks_again, Attempts())
    return Guard(site.application(), access, address.hosts, site.asks, login), site.streams


class Server(uvicorn.Server):
    """uvicorn's, which leaves signals to its caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, but give a client less than its 60 s for the handshake."""
        tls = self.config.ssl
        if tls is None or sockets is None:
            await super().startup(sockets)
            return
        create, limit_s = asyncio.get_running_loop().create_server, REQUEST_S
        self.servers = [
            await create(self._protocol, sock=one, ssl=tls, ssl_handshake_timeout=limit_s, backlog=BACKLOG)
            for one in sockets
        ]
        self.started = True

    def _protocol(self) -> LimitedProtocol:
        return LimitedProtocol(self.config, self.server_state, self.lifespan.state)


async def serve(
    view: PageView,
    access: Access,
    address: Address,
    listening: socket.socket,
    stop: asyncio.Event,
    *,
    network: Network | None = None,
    extras: Sequence[ExtraPage] = (),
) -> None:
    """Serve the page until ``stop`` is set; raises ValueError if it would be open to a network without protection."""
    if network is None and (address.host != LOOPBACK or address.secure):
        raise ValueError("a network needs TLS and a passphrase")
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # else any client could fill the log
    app, streams = application(view, access, address, network, extras)
    server = Server(
        uvicorn.Config(
            app,
            http=LimitedProtocol,
            ssl_context_factory=None if network is None else (lambda _config, _default: network.tls),
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S,
        )
    )
    async with asyncio.TaskGroup() as workers:
        running = [workers.create_task(stream.work()) for stream in streams]
        if isinstance(view, OwnPage):
            running.append(workers.create_task(view.work()))
        serving = workers.create_task(server.serve(sockets=[listening]))
        await stop.wait()
        for stream in streams:
            stream.end()
        server.should_exit = True
        await serving
        for worker in running:
            worker.cancel()
