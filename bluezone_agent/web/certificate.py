"""The certificate of the page on a network: made here, for one address, and vouched for by nobody else.

Whoever opens the page compares its fingerprint once with the one that the command prints.
"""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bluezone_agent.files import replace

LASTS: Final = timedelta(days=800)
"""Apple's browsers refuse more than 825."""
EARLIER: Final = timedelta(days=1)
"""The clock of the device that opens the page may be slow."""


class Certificate(NamedTuple):
    """A certificate with its private key, in one file."""

    path: Path
    fingerprint: str
    """SHA-256, as browsers show it: AB:CD:..."""

    def context(self) -> ssl.SSLContext:
        """Return what a server needs to use it; raises OSError."""
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        found.minimum_version = ssl.TLSVersion.TLSv1_3
        found.load_cert_chain(self.path)
        return found


def kept_certificate(path: Path, address: str, now: datetime) -> Certificate:
    """Return the certificate at ``path``; make a new one if there is none for ``address`` that is valid now.

    Raises OSError.
    """
    found = _read(path)
    if found is None or not _is_for(found, address, now):
        found = _make(path, address, now)
    return Certificate(path, found.fingerprint(SHA256()).hex(":").upper())


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _is_for(found: x509.Certificate, address: str, now: datetime) -> bool:
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    own = names.get_values_for_type(x509.IPAddress) == [IPv4Address(address)]
    return own and found.not_valid_before_utc <= now <= found.not_valid_after_utc


def _make(path: Path, address: str, now: datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bluezone-agent")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now - EARLIER + LASTS)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    replace(path, secret + made.public_bytes(Encoding.PEM))
    return made
