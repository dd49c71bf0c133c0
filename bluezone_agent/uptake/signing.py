"""Ed25519 keys (RFC 8032) by which a level signs what it sends upwards."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from bluezone_agent.errors import N_
from bluezone_agent.uptake.units import UptakeError

CONTEXT: Final = b"bluezone-agent uptake report\0"
PUBLIC_KEY: Final = re.compile(r"[0-9a-f]{64}")


def new_key() -> bytes:
    """Return a new private key (PEM)."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read a folder's private key; raises UptakeError, which shows nothing of it."""
    try:
        open_to_others = stat.S_IMODE(path.stat().st_mode) & 0o077
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise UptakeError(
            N_("can't read the signing key {path}: {reason}"),
            N_("restore it from your backup; after a loss the unit above has to trust a new one"),
            path=path,
            reason=error.strerror,
        ) from error
    except (ValueError, TypeError):
        raise _not_key(path) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _not_key(path)
    if open_to_others:
        raise UptakeError(N_("other users can read the signing key {path}"), N_("run: chmod 600 {path}"), path=path)
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """Return the public key as people pass it on: 64 hexadecimal digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def sign(key: Ed25519PrivateKey, message: bytes) -> str:
    """Return the signature, hexadecimal."""
    return key.sign(CONTEXT + message).hex()


def is_signed(message: bytes, signature: str, public_key: str) -> bool:
    """Return whether the signature is the key's."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        public.verify(bytes.fromhex(signature), CONTEXT + message)
    except (ValueError, InvalidSignature):
        return False
    return True


def _not_key(path: Path) -> UptakeError:
    return UptakeError(N_("{path} is not a signing key of Ed25519"), N_("restore it from your backup"), path=path)
