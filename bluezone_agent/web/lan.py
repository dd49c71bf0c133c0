"""The page on a network: for its address, over TLS, and for whoever knows the passphrase. There is no other way."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from bluezone_agent.app.page_files import CERTIFICATE, LOGIN
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.errors import EXIT_USAGE, N_, AgentError
from bluezone_agent.web.certificate import kept_certificate
from bluezone_agent.web.passphrase import KeptPassphrase, keep_passphrase, kept_passphrase
from bluezone_agent.web.server import Network


class NoSuchAddressError(AgentError):
    """The page is not served there."""

    exit_code = EXIT_USAGE


def require_own_network(address: str) -> None:
    """Raise NoSuchAddressError unless ``address`` may be one of this device in a private network."""
    try:
        found = IPv4Address(address)
    except AddressValueError as error:
        raise NoSuchAddressError(
            N_("{address} is not an IPv4 address"),
            N_('use this device\'s address in your network, which "hostname -I" prints'),
            address=address,
        ) from error
    if found.is_unspecified or found.is_multicast or found.is_global:
        raise NoSuchAddressError(
            N_("the page is not served on {address}: only on one address of a private network"),
            N_('use this device\'s address in your network, which "hostname -I" prints'),
            address=address,
        )


def protected(state: Path, address: str, passphrase: Passphrase) -> tuple[Network, str]:
    """Return what protects the page, and the fingerprint of its certificate.

    It is kept in ``state``. What is missing is made, and the passphrase asked for.
    A passphrase in a file takes the place of the one that is kept. Raises AgentError, OSError.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = _passphrase(state / LOGIN, passphrase)
    certificate = kept_certificate(state / CERTIFICATE, address, datetime.now(UTC))
    return Network(certificate.context(), kept), certificate.fingerprint


def _passphrase(path: Path, asked: Passphrase) -> KeptPassphrase:
    kept = kept_passphrase(path)
    if kept is not None and asked.file is None:
        return kept
    given = asked.of(path, new=True)
    return kept if kept is not None and kept.is_right(given) else keep_passphrase(path, given)
