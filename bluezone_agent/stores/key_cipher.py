"""Encrypts and decrypts the secrets of daily keys with a passphrase's secret, bound to the row of each key."""

from __future__ import annotations

import os

from bluezone_agent.core.passphrases import NONCE_LENGTH, decrypt, encrypt, secret_from_passphrase
from bluezone_agent.errors import DecryptionError
from bluezone_agent.stores.key_encryption import SALT_LENGTH, Row, context_of


class KeyCipher:
    """Keeps the secret derived from a passphrase with one salt, but never the passphrase."""

    def __init__(self, passphrase: str, salt: bytes) -> None:
        """``salt``: 16 random bytes; this takes a fifth of a second on purpose."""
        self._salt, self._secret = salt, secret_from_passphrase(passphrase, salt)

    def __repr__(self) -> str:
        return "KeyCipher(<secret>)"

    def close(self, plaintext: bytes, context: bytes) -> bytes:
        """Return ``plaintext`` encrypted: salt, nonce, ciphertext, tag."""
        return self._salt + encrypt(self._secret, plaintext, context, os.urandom(NONCE_LENGTH))

    def open(self, encrypted: bytes, context: bytes) -> bytes:
        """Return the plaintext; raises DecryptionError."""
        return decrypt(self._secret, encrypted[SALT_LENGTH:], context)


def salvaged(stored: bytes, row: Row, passphrase: str, known: dict[bytes, KeyCipher]) -> bytes | None:
    """Return the secret of an encrypted key of a damaged store, None if it can't be decrypted.

    ``known`` keeps the passphrase's cipher for each salt; one is enough, unless the store is damaged.
    """
    salt = stored[:SALT_LENGTH]
    if salt not in known and len(known) < 2:
        known[salt] = KeyCipher(passphrase, salt)
    try:
        return known[salt].open(stored, context_of(row)) if salt in known else None
    except DecryptionError:
        return None
