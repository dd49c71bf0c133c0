"""Opens the owner's keys, encrypted or not, for a command that needs their secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bluezone_agent.app.device import Device
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.store import Store

CREDENTIAL: Final = "bluezone-store-key"
"""Name of the credential with which systemd passes the passphrase to a service (docs/store.md)."""


@contextmanager
def unlocked(device: Device, passphrase: Passphrase) -> Iterator[Store]:
    """Open the store with readable keys: with the passphrase from a file, from systemd's credential, or typed.

    Raises KeysEncryptedError if there is no passphrase or a wrong one.
    """
    keep_memory_private()
    with Store(device.state_dir) as store:
        if store.keys.encrypted:
            store.keys.unlock(given_passphrase(device, passphrase) or _typed(device, passphrase))
        yield store


def _typed(device: Device, passphrase: Passphrase) -> str:
    return passphrase.of(device.state_dir / FILE_NAME)


def given_passphrase(device: Device, passphrase: Passphrase) -> str:
    """Return the passphrase of the keys from the file, else from this service's credential, else an empty one."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    file = passphrase.file
    if file is None and credentials and (Path(credentials) / CREDENTIAL).exists():
        file = Path(credentials) / CREDENTIAL
    return "" if file is None else replace(passphrase, file=file).of(device.state_dir / FILE_NAME, new=True)
