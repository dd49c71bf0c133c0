"""Addresses of servers: which are allowed, how they are shown, and how their certificates are judged."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from typing import Final

import httpx2

from bluezone_agent.errors import N_, ConfigError, KeySourceError
from bluezone_agent.files import read_text
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.paths import expanded

WRONG_DATES: Final = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED (OpenSSL, x509_vfy.h)."""


def parsed(address: SourceAddress) -> httpx2.URL:
    """Return the URL of an address; raises ConfigError if nothing can be fetched from it."""
    try:
        url = httpx2.URL(address.location)
    except httpx2.InvalidURL as error:
        raise ConfigError(
            N_('location = "{location}" is not a URL: {reason}'),
            N_("use the URL of the folder that contains the index.txt, for instance https://keys.example.org/"),
            location=address.location.rpartition("@")[2],
            reason=error,
        ) from error
    if not url.host or url.query or url.fragment:
        raise ConfigError(
            N_('location = "{location}" is not the URL of a folder'),
            N_("use the URL of the folder that contains the index.txt, for instance https://keys.example.org/"),
            location=shown(url),
        )
    if url.scheme != "https" and not address.allow_http and not _is_loopback(url.host):
        raise ConfigError(
            N_('location = "{location}" is not https'),
            N_("use the https address: over http, anybody on the network path can see that this device runs the agent"),
            location=shown(url),
        )
    return url


def tls_context(address: SourceAddress) -> ssl.SSLContext:
    """Return the TLS settings: TLS 1.2 or later, and if ``ca_file`` is set only its authority.

    Raises ConfigError.
    """
    if not address.ca_file:
        context = httpx2.create_ssl_context(trust_env=False)
    else:
        try:
            text = read_text(expanded(address.ca_file))
            certificates = text.encode("ascii", "ignore").decode()  # names may appear next to them
            context = ssl.create_default_context(cadata=certificates)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                N_("can't read the certificates in {path}: {reason}"),
                N_("ca_file must be a PEM file with the certificate of the authority that certifies the server"),
                path=address.ca_file,
                reason=getattr(error, "strerror", None) or error,
            ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_fault(error: BaseException | None) -> ssl.SSLError | None:
    """Return what made TLS refuse the connection, None if it was lost for another reason."""
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return error
        error = error.__cause__ or error.__context__
    return None


def is_of_dates(fault: ssl.SSLError) -> bool:
    """Return whether the certificate fails only because of the clock: it is not valid yet, or has expired."""
    return isinstance(fault, ssl.SSLCertVerificationError) and fault.verify_code in WRONG_DATES


def same_origin(url: httpx2.URL, target: httpx2.URL) -> httpx2.URL:
    """Return where ``url`` redirects to; raises KeySourceError for another server."""
    if (url.scheme, url.host, url.port) == (target.scheme, target.host, target.port):
        return target
    raise KeySourceError(
        N_("{url} redirects elsewhere, to {target}"),
        N_(
            "if that is the right address, set it as location in [[source]]; a network's login page "
            "also redirects like this"
        ),
        url=shown(url),
        target=shown(target),
    )


def shown(url: httpx2.URL) -> str:
    """Return a URL without parts that could be a password or identify a person."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
