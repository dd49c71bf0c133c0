"""Authenticated encryption of data that leaves the store's unencrypted rows: AES-256-GCM, with a secret or a
passphrase."""

from __future__ import annotations

import unicodedata
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bluezone_agent.errors import N_, DecryptionError

SECRET_LENGTH: Final = 32
SALT_LENGTH: Final = 16
NONCE_LENGTH: Final = 12
"""96 bits, drawn at random: 2^32 messages under one secret stay below NIST SP 800-38D's bound."""
TAG_LENGTH: Final = 16
SCRYPT_N: Final = 2**16
SCRYPT_R: Final = 8
SCRYPT_P: Final = 1
"""RFC 7914: 128 * N * r = 64 MiB and a fifth of a second per guess on a laptop."""


def encrypt(secret: bytes, plaintext: bytes, aad: bytes, nonce: bytes) -> bytes:
    """Return ``plaintext`` encrypted with ``secret`` (32 bytes): nonce, ciphertext, tag.

    ``aad`` is not included and has to be the same for decryption. ``nonce``: 12 bytes, never used twice with one
    secret.
    """
    if len(nonce) != NONCE_LENGTH:
        raise ValueError(f"{len(nonce)} bytes are not a nonce")
    return nonce + AESGCM(secret).encrypt(nonce, plaintext, aad)


def decrypt(secret: bytes, encrypted: bytes, aad: bytes) -> bytes:
    """Return the plaintext; raises DecryptionError when secret, ``aad`` or a single bit of ``encrypted`` differs."""
    try:
        if len(encrypted) < NONCE_LENGTH + TAG_LENGTH:
            raise InvalidTag
        return AESGCM(secret).decrypt(encrypted[:NONCE_LENGTH], encrypted[NONCE_LENGTH:], aad)
    except InvalidTag as error:
        raise DecryptionError(N_("the passphrase or key is wrong, or the data are damaged")) from error


def secret_from_passphrase(passphrase: str, salt: bytes) -> bytes:
    """Return the secret derived from a passphrase (scrypt, RFC 7914); ``salt``: 16 random bytes.

    The passphrase is the same however a keyboard composes its letters (ê, ệ): it is normalised to Unicode NFC.
    """
    text = unicodedata.normalize("NFC", passphrase).encode()
    return Scrypt(salt=salt, length=SECRET_LENGTH, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P).derive(text)
