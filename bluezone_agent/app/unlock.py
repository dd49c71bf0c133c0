"""The owner's keys for a command that needs their secrets, sealed or not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.cli.passphrase import passphrase
from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.key_encryption import encrypted_error
from bluezone_agent.stores.store import Store

CREDENTIAL: Final = "bluezone-store-key"
"""Name under which systemd hands the passphrase to a service (LoadCredentialEncrypted=, docs/store.md)."""


@contextmanager
def unlocked(state_dir: Path, file: Path | None) -> Iterator[Store]:
    """Open the store with its keys readable: by the passphrase in ``file``, systemd's credential, or one typed.

    Raises StoreSealedError when there is none or it is another one.
    """
    keep_memory_private()
    with Store(state_dir) as store:
        if store.keys.encrypted:
            store.keys.unlock(given_passphrase(state_dir, file) or _typed_passphrase(state_dir))
        yield store


def _typed_passphrase(state_dir: Path) -> str:
    if not sys.stdin.isatty():
        raise encrypted_error(state_dir / FILE_NAME)
    return passphrase(None, of=state_dir / FILE_NAME, new=False)


def given_passphrase(state_dir: Path, file: Path | None) -> str:
    """Return the passphrase of the keys: that in ``file``, else the credential of this service, else nothing."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if file is None and credentials and (Path(credentials) / CREDENTIAL).exists():
        file = Path(credentials) / CREDENTIAL
    return "" if file is None else passphrase(file, of=state_dir / FILE_NAME, new=True)
