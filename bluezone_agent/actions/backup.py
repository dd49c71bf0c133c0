"""The whole state as one encrypted file, out of the device and back (docs/backup.md).

The file: a first line that names format and version, 16 bytes of salt, and the store sealed by ``core.sealing`` under
the passphrase, with line and salt as its associated data.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Final

from bluezone_agent.actions.wipe import require_stopped
from bluezone_agent.core.journal import (
    Broadcasting,
    Committed,
    Notified,
    Proved,
    RadioState,
    Received,
    Refused,
    Started,
)
from bluezone_agent.core.passphrases import NONCE_LENGTH, SALT_LENGTH, decrypt, encrypt, secret_from_passphrase
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.errors import N_, BackupError, DecryptionError
from bluezone_agent.files import write_new
from bluezone_agent.stores.file.snapshot import Snapshot
from bluezone_agent.stores.keys import OwnKeys
from bluezone_agent.stores.store import StateLock, Store

FAMILY: Final = b"bluezone-agent backup "
FIRST_LINE: Final = FAMILY + b"1\n"
"""The version stands for the store's format, and for the cipher and the parameters of scrypt in ``core.sealing``."""
LONGEST: Final = 1 << 30
"""Bytes; a store has some 50 MB, its greatest size is 256 MiB."""
OF_A_RUN: Final = (Started, Broadcasting, Refused, Received, Committed, RadioState, Proved, Notified)
"""Records of one run of one device; the others are the progress of checks and chaff."""
MINUTES_AT_ONCE: Final = 100
"""Merged in one transaction: an agent that runs waits for less than a second, and a crowd takes 20 MB."""


def make(store: Store, passphrase: str, random_bytes: Callable[[int], bytes] = os.urandom) -> tuple[bytes, bytes]:
    """Return a backup of ``store`` as it is now, head and body; an agent may be at work."""
    head = FIRST_LINE + random_bytes(SALT_LENGTH)
    secret = secret_from_passphrase(passphrase, head[len(FIRST_LINE) :])
    return head, encrypt(secret, store.copy(), head, random_bytes(NONCE_LENGTH))


def write(store: Store, path: Path, passphrase: str) -> None:
    """Write a backup into a new file, 0600, never over another or through a link; raises NewFileError."""
    write_new(path, b"".join(make(store, passphrase)))


def read(path: Path) -> bytes:
    """Return the bytes of a backup as it lies there; raises BackupError when it can't be read or is none."""
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise BackupError(
            N_("can't read {path}: {reason}"),
            N_('name a file that "bluezone-agent backup" has written'),
            path=path,
            reason=error.strerror,
        ) from error
    if not data.startswith(FIRST_LINE) or len(data) > LONGEST:
        later = data.startswith(FAMILY)
        raise BackupError(
            N_("{path} is a backup of another version of bluezone-agent") if later else N_("{path} is no backup"),
            N_("restore it with that version") if later else N_('name a file that "bluezone-agent backup" has written'),
            path=path,
        )
    return data


def opened(data: bytes, path: Path, passphrase: str) -> Snapshot:
    """Return the store in a backup, all of it verified; raises BackupError, or StoreError for a later version's."""
    at = len(FIRST_LINE) + SALT_LENGTH
    head = data[:at]
    secret = secret_from_passphrase(passphrase, head[len(FIRST_LINE) :].ljust(SALT_LENGTH, b"\0"))
    try:
        plain = decrypt(secret, data[at:], head)
    except DecryptionError as error:
        raise BackupError(
            N_("{path} can't be opened: the passphrase is another one, or the file is damaged"),
            N_("nothing was changed; type the passphrase again, or take another copy of the file"),
            path=path,
        ) from error
    return Snapshot(plain, path)


def restore(state_dir: Path, snapshot: Snapshot) -> None:
    """Make the snapshot the state of ``state_dir``, which must be empty; all of it or nothing.

    The keys that were in use are closed with their last slot: another device, or this one before it was wiped, may
    have gone on with them, and an identifier must not be on the air twice. Raises AgentError.
    """
    require_stopped(state_dir)
    with StateLock(state_dir):
        with Store(state_dir) as store:
            if store.holds_anything():
                raise BackupError(
                    N_("{path} already holds keys, contacts or exposures"),
                    N_('add the contacts alone with "--merge"; or run "bluezone-agent wipe" first'),
                    path=state_dir,
                )
        snapshot.keys.close_all()
        snapshot.journal.delete(OF_A_RUN)
        snapshot.pauses.end()
        snapshot.put(state_dir)


def merge(store: Store, snapshot: Snapshot) -> int:
    """Add the contacts of another device to ``store``; return how many minutes were new or stronger.

    Twice is as good as once, and an interrupted merge goes on when it is called again. Contacts of unknown time never
    count and stay behind; so do keys, exposures and listening times, which are the other device's own. The next check
    compares all files again. Raises AgentError.
    """
    own = _identifiers(store.keys)
    received = (m for m in snapshot.contacts.trusted() if m.observed.identifier not in own)
    return sum(_merge_some(store, minutes) for minutes in _by_minute(received))


def _by_minute(received: Iterable[ContactMinute]) -> Iterator[list[tuple[int, list[ContactMinute]]]]:
    minutes = ((minute, list(its)) for minute, its in groupby(received, lambda m: m.minute))
    while some := list(islice(minutes, MINUTES_AT_ONCE)):
        yield some


def _merge_some(store: Store, minutes: list[tuple[int, list[ContactMinute]]]) -> int:
    with store.transaction():
        taken = sum(store.contacts.merge(minute, received) for minute, received in minutes)
        if taken:
            store.sources.unsettle()
    return taken


def _identifiers(keys: OwnKeys) -> set[bytes]:
    """Return what this device itself had on the air: the other one heard it, and it is nobody's contact."""
    known = [own.key for own in keys.all() if own.key.protocol in PROTOCOLS]
    return {slot.identifier for key in known for slot in PROTOCOLS[key.protocol].slots(key)}
