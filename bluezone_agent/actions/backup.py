"""The whole state as one encrypted file: backup and restore (docs/backup.md).

The file is the store in the age format, encrypted with a passphrase, with no wrapper or header of its own: SQLite's
application_id and user_version identify the contents.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Final

from bluezone_agent.actions import older_backup
from bluezone_agent.actions.wipe import require_stopped
from bluezone_agent.core.age import CHUNK, decrypt, encrypt, require_passphrase_file
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
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.errors import N_, AgeFault, AgeFileError, BackupError
from bluezone_agent.files import is_standard, write_new
from bluezone_agent.stores.file.snapshot import Snapshot
from bluezone_agent.stores.keys import OwnKeys
from bluezone_agent.stores.store import StateLock, Store

LONGEST: Final = 1 << 30
"""Bytes. A store has about 50 MB; its maximum size is 256 MiB."""
OF_A_RUN: Final = (Started, Broadcasting, Refused, Received, Committed, RadioState, Proved, Notified)
"""Records that belong to one run of one device; the others record the progress of checks and chaff."""
MINUTES_AT_ONCE: Final = 100
"""Minutes merged in one transaction: a running agent waits for less than a second, and a crowd takes 20 MB."""


def make(store: Store, passphrase: str, random_bytes: Callable[[int], bytes] = os.urandom) -> Iterator[bytes]:
    """Yield a backup of ``store`` in pieces; an agent may be running. Raises AgeFileError when memory is short.

    The store is copied after the first piece: by then the passphrase has released its 128 MiB, so the two never add up.
    """

    def copied() -> Iterator[bytes]:
        data = memoryview(store.copy())
        for at in range(0, len(data), CHUNK):
            yield bytes(data[at : at + CHUNK])

    return encrypt(copied(), passphrase, random_bytes)


def write(store: Store, path: Path, passphrase: str) -> int:
    """Write a backup into a new file with mode 0600, never over a file or through a link; return its size in bytes.

    Raises NewFileError.
    """
    size = 0

    def counted() -> Iterator[bytes]:
        nonlocal size
        for piece in make(store, passphrase):
            size += len(piece)
            yield piece

    write_new(path, counted())
    return size


def opened(path: Path, passphrase: Callable[[], str]) -> Snapshot:
    """Return the store in the backup at ``path``, fully verified; the passphrase is asked for only if it is a backup.

    Raises BackupError; raises StoreError when the contents are not an intact store, or a later version's.
    """
    with closing(_pieces(path)) as pieces:
        head = next(pieces, b"")
        whole = chain((head,), pieces)
        if head.startswith(older_backup.FIRST_LINE):
            return Snapshot(older_backup.decrypted(b"".join(whole), path, passphrase()), path)
        try:
            require_passphrase_file(head)
            data = bytearray().join(decrypt(whole, passphrase()))
        except AgeFileError as error:
            raise _refused(path, head, error) from error
    return Snapshot(data, path)


def _pieces(path: Path) -> Generator[bytes]:
    size = 0
    try:
        with sys.stdin.buffer if is_standard(path) else path.open("rb") as file:
            while piece := file.read(CHUNK):
                size += len(piece)
                if size > LONGEST:
                    raise _not_a_backup(path)
                yield piece
    except OSError as error:
        raise BackupError(
            N_("can't read {path}: {reason}"),
            N_('use a file written by "bluezone-agent backup"'),
            path=path,
            reason=error.strerror,
        ) from error


def _refused(path: Path, head: bytes, error: AgeFileError) -> BackupError:
    """Return what is wrong with a file, as an error that names the file."""
    if head.startswith(older_backup.FAMILY):
        return BackupError(
            N_("{path} is a backup from another version of bluezone-agent"),
            N_("restore it with that version"),
            path=path,
        )
    if error.reason is AgeFault.NOT_AGE:
        return _not_a_backup(path)
    return BackupError(N_("{path} can't be opened: {reason}"), error.hint, path=path, reason=error, **error.fields)


def _not_a_backup(path: Path) -> BackupError:
    return BackupError(N_("{path} is not a backup"), N_('use a file written by "bluezone-agent backup"'), path=path)


def restore(state_dir: Path, snapshot: Snapshot) -> None:
    """Make the snapshot the state of ``state_dir``, which must be empty; the restore is complete or does nothing.

    The keys that were in use are closed with their last slot: another device, or this one before it was wiped, may have
    continued with them, and an identifier must not be advertised twice. Raises AgentError.
    """
    require_stopped(state_dir)
    with StateLock(state_dir):
        with Store(state_dir) as store:
            if store.holds_anything():
                raise BackupError(
                    N_("{path} already contains keys, contacts or exposures"),
                    N_('to only add the backed-up contacts, use "--merge"; or run "bluezone-agent wipe" first'),
                    path=state_dir,
                )
        snapshot.keys.close_all()
        snapshot.journal.delete(OF_A_RUN)
        snapshot.pauses.end()
        snapshot.put(state_dir)


def merge(store: Store, snapshot: Snapshot) -> int:
    """Add the contacts of another device to ``store``; return how many minutes were new or stronger.

    Merging twice has the same result as merging once, and an interrupted merge continues when it is called again.
    Contacts of unknown time never count and are not merged; neither are keys, exposures and listening times, which
    belong to the other device. The next check compares all files again. Raises AgentError.
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
            store.sources.reread()
    return taken


def _identifiers(keys: OwnKeys) -> set[bytes]:
    """Return the identifiers that this device itself advertised: receiving them is no contact."""
    known = [own.key for own in keys.all() if own.key.protocol in PROTOCOLS]
    return {slot.identifier for key in known for slot in PROTOCOLS[key.protocol].slots(key)}
