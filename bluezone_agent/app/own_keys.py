"""The owner's daily keys: listed, exported, encrypted."""

from __future__ import annotations

import time
from datetime import date, datetime
from pathlib import Path

from bluezone_agent.actions import export_keys as exporting
from bluezone_agent.app.device import Device
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.result import Result, utc
from bluezone_agent.app.shown_submission import ShownSubmission
from bluezone_agent.app.unlock import unlocked
from bluezone_agent.core.submitted_keys import until_the_days_end
from bluezone_agent.files import require_absent
from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.file.quarantine import quarantined_stores
from bluezone_agent.stores.store import StateLock, Store


class KeyEntry(Result, frozen=True, kw_only=True):
    """One daily key, without its secret."""

    protocol: str
    starts_at: datetime
    ends_at: datetime
    on_air: bool
    """Whether it may still be advertised."""
    exportable: bool
    """False for a key from a time when the clock was not trusted."""


class KeyList(Result, frozen=True, kw_only=True):
    """Every daily key of the last 14 days."""

    encrypted: bool
    """Whether a passphrase is needed to read the secrets."""
    keys: tuple[KeyEntry, ...]
    submitted: ShownSubmission | None
    """What a key server accepted in the last 14 days; None for nothing."""


class Exported(Result, frozen=True, kw_only=True):
    """The file that was written."""

    file: Path
    keys: int


class Encrypted(Result, frozen=True, kw_only=True):
    """The result of encrypting the keys."""

    were_readable: bool
    """False if the keys were already encrypted with the same passphrase."""
    quarantined: tuple[Path, ...]
    """Damaged stores that may hold keys that are not encrypted."""


def list_keys(device: Device) -> KeyList:
    """Return the keys that can be exported."""
    with Store(device.state_dir) as store:
        return KeyList(
            encrypted=store.keys.encrypted,
            keys=tuple(
                KeyEntry(
                    protocol=own.protocol,
                    starts_at=utc(own.starts_at_s),
                    ends_at=utc(own.ends_at_s),
                    on_air=not own.closed,
                    exportable=own.exportable,
                )
                for own in store.keys.listed()
            ),
            submitted=ShownSubmission.of(store.journal),
        )


def require_onset(onset: date | None) -> None:
    """Check the first day of symptoms; raises ExportError."""
    exporting.require_past(onset, time.time())


def require_exportable(file: Path, onset: date | None) -> None:
    """Check that an export is possible before the owner is asked; raises NewFileError, ExportError."""
    require_onset(onset)
    require_absent(file)


def export_keys(device: Device, file: Path, passphrase: Passphrase, *, days: int, onset: date | None) -> Exported:
    """Write the keys of the last ``days`` days into a new file; first the key in use is ended and replaced."""
    now_s = time.time()
    with unlocked(device, passphrase) as store:
        exporting.end_current_key(store)
        exported = until_the_days_end(exporting.exportable(store, days, now_s), now_s)
    exporting.write(file, exported, onset)
    return Exported(file=file, keys=len(exported))


def encrypt_keys(device: Device, passphrase: Passphrase) -> Encrypted:
    """Encrypt every key in one transaction; no agent may run meanwhile. Raises StateInUseError, KeysEncryptedError."""
    path = device.state_dir / FILE_NAME
    with StateLock(device.state_dir), Store(device.state_dir) as store:
        were_readable = store.encrypt(passphrase.of(path, new=not store.keys.encrypted))
    return Encrypted(were_readable=were_readable, quarantined=tuple(quarantined_stores(device.state_dir)))


def decrypt_keys(device: Device, passphrase: Passphrase) -> bool:
    """Store every key without encryption; return whether they were encrypted. No agent may run meanwhile."""
    with StateLock(device.state_dir), unlocked(device, passphrase) as store:
        was_encrypted = store.keys.encrypted
        if was_encrypted:
            store.decrypt()
    return was_encrypted
