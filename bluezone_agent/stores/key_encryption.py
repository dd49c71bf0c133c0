"""Secrets of daily keys as they lie in the store: plain, or sealed under the owner's passphrase."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_, DecryptionError, KeysEncryptedError, StoreDamagedError

SALT_LENGTH: Final = 16
OVERHEAD: Final = SALT_LENGTH + 12 + 16
"""What a sealed secret is longer: the passphrase's salt, nonce and tag."""
PROOF: Final = b"bluezone-agent daily keys"
"""Context of what is sealed only to know the passphrase again."""
Row = tuple[int, str, int, int]
"""Whose secret it is: id, protocol, start (Unix seconds) and slots a day of a key; none of them ever changes."""


class KeyEncryption:
    """Seals and opens. It knows the passphrase's secret from :meth:`unlock` on, and never the passphrase."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._salt = self._secret = b""

    @property
    def encrypted(self) -> bool:
        """Whether secrets are sealed in this store."""
        return self._db.execute("SELECT 1 FROM key_encryption").fetchone() is not None

    def unlock(self, passphrase: str) -> None:
        """Learn what opens the secrets of a sealed store; raises StoreSealedError when that is another passphrase."""
        (proof,) = self._db.execute("SELECT proof FROM key_encryption").fetchone()
        self._know(passphrase, proof[:SALT_LENGTH])
        try:
            self._open(proof, PROOF)
        except DecryptionError as error:
            self._salt = self._secret = b""
            raise KeysEncryptedError(
                N_("this passphrase does not open the keys in {path}"),
                N_('give the one that "keys encrypt" was given; without it the sealed keys are lost'),
                path=self._path(),
            ) from error

    def encrypt(self, passphrase: str) -> None:
        """Have every secret sealed from now on; who calls this seals those that are there."""
        self._know(passphrase, os.urandom(SALT_LENGTH))
        self._db.execute("INSERT INTO key_encryption VALUES (1, ?)", (self._close(b"", PROOF),))

    def decrypt(self) -> None:
        """Have no secret sealed from now on."""
        self._db.execute("DELETE FROM key_encryption")

    def put(self, secret: bytes, row: Row) -> bytes:
        """Return what to store of a key's secret; raises StoreSealedError while a sealed store is locked."""
        return self._close(secret, _context(row)) if self.encrypted else secret

    def take(self, stored: bytes, row: Row) -> bytes:
        """Return the secret of a key; raises StoreSealedError while locked, StoreDamagedError when it is another's."""
        if not self.encrypted:
            return stored
        try:
            return self._open(stored, _context(row))
        except DecryptionError as error:
            raise StoreDamagedError(
                N_("the store {path} is damaged: {reason}"),
                N_('"bluezone-agent run" sets it aside, keeps the keys that can be read, and begins anew'),
                path=self._path(),
                reason=f"daily_key {row[0]}",
            ) from error

    def _know(self, passphrase: str, salt: bytes) -> None:
        from bluezone_agent.core.passphrases import secret_from_passphrase  # noqa: PLC0415 - `status` needs no cryptography

        self._salt, self._secret = salt, secret_from_passphrase(passphrase, salt)

    def _close(self, plain: bytes, context: bytes) -> bytes:
        from bluezone_agent.core.passphrases import NONCE_LENGTH, encrypt  # noqa: PLC0415

        return self._salt + encrypt(self._known(), plain, context, os.urandom(NONCE_LENGTH))

    def _open(self, encrypted: bytes, context: bytes) -> bytes:
        from bluezone_agent.core.passphrases import decrypt  # noqa: PLC0415

        return decrypt(self._known(), encrypted[SALT_LENGTH:], context)

    def _known(self) -> bytes:
        if not self._secret:
            raise encrypted_error(self._path())
        return self._secret

    def _path(self) -> Path:
        return Path(self._db.execute("PRAGMA database_list").fetchone()["file"])


def encrypted_error(path: Path) -> KeysEncryptedError:
    """Return the error that says that a passphrase is needed and where it may come from."""
    return KeysEncryptedError(
        N_("the keys in {path} are sealed, and no passphrase is at hand"),
        N_(
            "name a file with it: --passphrase-file FILE, beside a backup's --keys-passphrase-file FILE; a service gets"
            " it as the credential bluezone-store-key"
        ),
        path=path,
    )


def salvaged(stored: bytes, row: Row, passphrase: str, known: dict[bytes, bytes]) -> bytes | None:
    """Return the secret of a sealed key of a damaged store, None when it can't be opened.

    ``known`` keeps what the passphrase is good for with each salt; one is enough, but for damage.
    """
    from bluezone_agent.core.passphrases import decrypt, secret_from_passphrase  # noqa: PLC0415

    salt = stored[:SALT_LENGTH]
    if salt not in known and len(known) < 2:
        known[salt] = secret_from_passphrase(passphrase, salt)
    try:
        return decrypt(known[salt], stored[SALT_LENGTH:], _context(row)) if salt in known else None
    except DecryptionError:
        return None


def _context(row: Row) -> bytes:
    """What a sealed secret is bound to, so that no row's can be put into another."""
    key_id, protocol, starts_at_s, slots_per_day = row
    return f"daily key {key_id} {protocol} {starts_at_s} {slots_per_day}".encode()
