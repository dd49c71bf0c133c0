"""Secrets of daily keys as the store has them: unencrypted, or encrypted with the owner's passphrase."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bluezone_agent.errors import N_, DecryptionError, KeysEncryptedError, StoreDamagedError

if TYPE_CHECKING:
    from bluezone_agent.stores.key_cipher import KeyCipher

SALT_LENGTH: Final = 16
OVERHEAD: Final = SALT_LENGTH + 12 + 16
"""The extra length of an encrypted secret: the passphrase's salt, nonce and tag."""
PROOF: Final = b"bluezone-agent daily keys"
"""Context of a value that is encrypted only to recognise the passphrase again."""
Row = tuple[int, str, int, int]
"""Identifies a secret: id, protocol, start (Unix seconds) and slots per day of a key; none of them ever changes."""


class KeyEncryption:
    """Encrypts and decrypts. After :meth:`unlock` it knows the passphrase's secret, but never the passphrase."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._cipher: KeyCipher | None = None

    @property
    def encrypted(self) -> bool:
        """Whether secrets are encrypted in this store."""
        return self._db.execute("SELECT 1 FROM key_encryption").fetchone() is not None

    def unlock(self, passphrase: str) -> None:
        """Derive the secret for an encrypted store; raises KeysEncryptedError when the passphrase is another one."""
        (proof,) = self._db.execute("SELECT proof FROM key_encryption").fetchone()
        cipher = self._cipher_of(passphrase, proof[:SALT_LENGTH])
        try:
            cipher.open(proof, PROOF)
        except DecryptionError as error:
            raise KeysEncryptedError(
                N_("this passphrase does not decrypt the keys in {path}"),
                N_('use the passphrase that was set with "keys encrypt"; without it the encrypted keys are lost'),
                path=self._path(),
            ) from error
        self._cipher = cipher

    def encrypt(self, passphrase: str) -> None:
        """Encrypt every secret from now on; the caller encrypts the existing ones."""
        self._cipher = self._cipher_of(passphrase, os.urandom(SALT_LENGTH))
        self._db.execute("INSERT INTO key_encryption VALUES (1, ?)", (self._cipher.close(b"", PROOF),))

    def decrypt(self) -> None:
        """Encrypt no secret from now on."""
        self._db.execute("DELETE FROM key_encryption")

    def put(self, secret: bytes, row: Row) -> bytes:
        """Return what to store for a key's secret; raises KeysEncryptedError while an encrypted store is locked."""
        return self._known().close(secret, context_of(row)) if self.encrypted else secret

    def take(self, stored: bytes, row: Row) -> bytes:
        """Return a key's secret; raises KeysEncryptedError while locked, StoreDamagedError for another row's secret."""
        if not self.encrypted:
            return stored
        try:
            return self._known().open(stored, context_of(row))
        except DecryptionError as error:
            raise StoreDamagedError(
                N_("the store {path} is damaged: {reason}"),
                N_('"bluezone-agent run" quarantines it, keeps the keys that can be read, and starts a new store'),
                path=self._path(),
                reason=f"daily_key {row[0]}",
            ) from error

    def _cipher_of(self, passphrase: str, salt: bytes) -> KeyCipher:
        from bluezone_agent.stores.key_cipher import KeyCipher  # noqa: PLC0415 - `status` needs no cryptography

        return KeyCipher(passphrase, salt)

    def _known(self) -> KeyCipher:
        if self._cipher is None:
            raise encrypted_error(self._path())
        return self._cipher

    def _path(self) -> Path:
        return Path(self._db.execute("PRAGMA database_list").fetchone()["file"])


def encrypted_error(path: Path) -> KeysEncryptedError:
    """Return the error that says that a passphrase is needed and how to provide it."""
    return KeysEncryptedError(
        N_("the keys in {path} are encrypted, and no passphrase was given"),
        N_(
            "give it in a file: --passphrase-file FILE, or --keys-passphrase-file FILE if the first "
            "is for a backup; a service gets it as the credential bluezone-store-key"
        ),
        path=path,
    )


def context_of(row: Row) -> bytes:
    """Return what an encrypted secret is bound to, so that it can't be moved to another row."""
    key_id, protocol, starts_at_s, slots_per_day = row
    return f"daily key {key_id} {protocol} {starts_at_s} {slots_per_day}".encode()
