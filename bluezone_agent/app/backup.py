"""Backup of the state in one encrypted file: write, restore, merge."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bluezone_agent.actions import backup as backups
from bluezone_agent.actions.wipe import require_stopped
from bluezone_agent.app.device import Device
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.result import Result
from bluezone_agent.app.unlock import unlocked
from bluezone_agent.files import require_absent
from bluezone_agent.stores.store import Store


class Backup(Result, frozen=True, kw_only=True):
    """The backup that was written."""

    file: Path
    bytes: int


class Restored(Result, frozen=True, kw_only=True):
    """The backup that was restored on this device."""

    file: Path
    restored: Literal[True] = True


class Merged(Result, frozen=True, kw_only=True):
    """The backup whose contacts were added to this device."""

    file: Path
    minutes: int
    """Number of new contact minutes."""


def back_up(device: Device, file: Path, passphrase: Passphrase) -> Backup:
    """Write a new backup, even while an agent runs; raises NewFileError."""
    require_absent(file)
    secret = passphrase.of(file, new=True)
    with Store(device.state_dir) as store:
        size = backups.write(store, file, secret)
    return Backup(file=file, bytes=size)


def restore(device: Device, file: Path, passphrase: Passphrase) -> Restored:
    """Restore a backup on this device, which must be empty and have no running agent; raises AgentError."""
    require_stopped(device.state_dir)
    with backups.opened(file, lambda: passphrase.of(file)) as snapshot:
        backups.restore(device.state_dir, snapshot)
    return Restored(file=file)


def merge(device: Device, file: Path, passphrase: Passphrase, keys_passphrase: Passphrase) -> Merged:
    """Add the contacts of a backup to those of this device; ``keys_passphrase`` opens this device's keys."""
    with (
        backups.opened(file, lambda: passphrase.of(file)) as snapshot,
        unlocked(device, keys_passphrase) as store,
    ):
        return Merged(file=file, minutes=backups.merge(store, snapshot))
