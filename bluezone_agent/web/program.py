"""The page as a process: of the store's owner, or a service of its own."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from bluezone_agent.app.device import Device
from bluezone_agent.app.page_folder import PAGE, page_folder
from bluezone_agent.app.page_view import OwnPage, PageView, ServicePage
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.errors import N_, AgentError, ConfigError
from bluezone_agent.files import replace
from bluezone_agent.web.access import Access
from bluezone_agent.web.lan import protected, require_own_network
from bluezone_agent.web.server import LOOPBACK, Address, Network, bound, serve
from bluezone_agent.web.site import ExtraPage

TOKEN_BYTES: Final = 24
TOKEN_FILE, ADDRESS_FILE = "token", "address"
READABLE_BY_GROUP: Final = 0o640
"""The agent's user is in the group, so that its commands can show the address."""


@dataclass(frozen=True, slots=True)
class Opened:
    """How to open the page."""

    address: str = field(repr=False)
    """On this device it has a token, which is as secret as the page."""
    fingerprint: str = ""
    """SHA-256 of the certificate, if the page is on a network."""


class Listen(NamedTuple):
    """Where to listen besides the port."""

    host: str
    """An address of this device in a network."""
    passphrase: Passphrase


Started = Callable[[Opened], object]


def run(
    device: Device, *, port: int, listen: Listen | None, started: Started, extras: Sequence[ExtraPage] = ()
) -> None:
    """Serve the page of a store's owner until SIGTERM or SIGINT, on this device alone unless ``listen`` says more.

    ``extras`` are more pages; ``started`` is called with how to open it all. Raises AgentError, OSError.
    """
    keep_memory_private()
    _run(OwnPage(device), _served(port, listen, device.state_dir, _new_token), started, extras)


def run_service(state: Path, *, port: int, listen: Listen | None, started: Started) -> None:
    """Serve what the agent writes for the page; its secrets are kept in ``state``. Raises AgentError, OSError."""
    keep_memory_private()
    folder = page_folder()
    if folder is None:
        raise ConfigError(
            N_("there is no folder for the page: {setting} = {value}"),
            N_("systemd sets it: systemctl start bluezone-web; to start the page yourself, run bluezone-agent web"),
            setting=PAGE,
            value=os.environ.get(PAGE) or "-",
        )

    def keep(opened: Opened) -> None:
        replace(state / ADDRESS_FILE, f"{opened.address} {opened.fingerprint}".strip().encode(), mode=READABLE_BY_GROUP)
        started(opened)

    _run(ServicePage(folder), _served(port, listen, state, lambda: _kept_token(state / TOKEN_FILE)), keep)


def address_of_service(state: Path) -> Opened:
    """Return how to open the page that runs as a service; raises AgentError."""
    try:
        return Opened(*(state / ADDRESS_FILE).read_text("ascii").split(" "))
    except OSError as error:
        raise AgentError(
            N_("the page does not run as a service: {reason}"),
            N_('install it with "sudo scripts/install --web"; to see its address, run this with sudo'),
            reason=error.strerror,
        ) from error


def _new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def _kept_token(path: Path) -> str:
    """Return the token of an earlier start, so that browsers stay known; else a new one."""
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        token = _new_token()
        replace(path, token.encode())
        return token


class _Served(NamedTuple):
    host: str
    port: int
    access: Access
    network: Network | None = None
    fingerprint: str = ""


def _served(port: int, listen: Listen | None, state: Path, token: Callable[[], str]) -> _Served:
    if listen is None:
        return _Served(LOOPBACK, port, Access(token()))
    require_own_network(listen.host)
    network, fingerprint = protected(state, listen.host, listen.passphrase)
    access = Access(network.passphrase.secret.hex(), secure=True)
    return _Served(listen.host, port, access, network, fingerprint)


def _run(view: PageView, served: _Served, started: Started, extras: Sequence[ExtraPage] = ()) -> None:
    with bound(served.host, served.port) as listening:
        asyncio.run(_until_a_signal(view, served, listening, started, extras))


async def _until_a_signal(
    view: PageView, served: _Served, listening: socket.socket, started: Started, extras: Sequence[ExtraPage]
) -> None:
    stop, access = asyncio.Event(), served.access
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    address = Address(served.host, listening.getsockname()[1], access.secure)
    started(Opened(address.url if served.network else f"{address.url}?token={access.token}", served.fingerprint))
    await serve(view, access, address, listening, stop, network=served.network, extras=extras)
