"""Reads backups that were written before the age format was used.

The format: a first line with name and version, 16 bytes of salt, and the store, encrypted by ``core.passphrases`` with
the passphrase; line and salt are its associated data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bluezone_agent.core.passphrases import SALT_LENGTH, decrypt, secret_from_passphrase
from bluezone_agent.errors import N_, BackupError, DecryptionError

FAMILY: Final = b"bluezone-agent backup "
FIRST_LINE: Final = FAMILY + b"1\n"
"""The only version that existed."""


def decrypted(data: bytes, path: Path, passphrase: str) -> bytes:
    """Return the bytes of the store in a backup, fully verified; raises BackupError, which names ``path``."""
    at = len(FIRST_LINE) + SALT_LENGTH
    head = data[:at]
    secret = secret_from_passphrase(passphrase, head[len(FIRST_LINE) :].ljust(SALT_LENGTH, b"\0"))
    try:
        return decrypt(secret, data[at:], head)
    except DecryptionError as error:
        raise BackupError(
            N_("{path} can't be opened: the passphrase is wrong, or the file is damaged"),
            N_("enter the passphrase again, or use another copy of the file"),
            path=path,
        ) from error
