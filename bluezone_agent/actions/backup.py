"""The whole state as one encrypted file, out of the device and back (docs/backup.md).

The file is the store in the age format, for a passphrase. Nothing of ours is around it or in front of it: what it holds
says by itself what it is, as SQLite's application_id and user_version.
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
"""Bytes; a store has some 50 MB, its greatest size is 256 MiB."""
OF_A_RUN: Final = (Started, Broadcasting, Refused, Received, Committed, RadioState, Proved, Notified)
"""Records of one run of one device; the others are the progress of checks and chaff."""
MINUTES_AT_ONCE: Final = 100
"""Merged in one transaction: an agent that runs waits for less than a second, and a crowd takes 20 MB."""


def make(store: Store, passphrase: str, random_bytes: Callable[[int], bytes] = os.urandom) -> Iterator[bytes]:
    """Yield a backup of ``store`` in pieces; an agent may be at work. Raises AgeFileError when memory is short.

    The store is copied after the first piece: the passphrase has given back its 128 MiB by then, so that the two never
    add up.
    """

    def copied() -> Iterator[bytes]:
        data = memoryview(store.copy())
        for at in range(0, len(data), CHUNK):
            yield bytes(data[at : at + CHUNK])

    return encrypt(copied(), passphrase, random_bytes)


def write(store: Store, path: Path, passphrase: str) -> int:
    """Write a backup into a new file, 0600, never over another or through a link; return its bytes.

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
    """Return the store in the backup at ``path``, all of it verified; nothing but a backup is worth a passphrase.

    Raises BackupError; StoreError when what it holds is not a sound store of ours, or a later version's.
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
    """Return what is wrong with a file, under its name."""
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
    """Make the snapshot the state of ``state_dir``, which must be empty; all of it or nothing.

    The keys that were in use are closed with their last slot: another device, or this one before it was wiped, may
    have gone on with them, and an identifier must not be on the air twice. Raises AgentError.
    """
    require_stopped(state_dir)
    with StateLock(state_dir):
        with Store(state_dir) as store:
            if store.holds_anything():
                raise BackupError(
                    N_("{path} already contains keys, contacts or exposures"),
                    N_('to add only its contacts, use "--merge"; otherwise run "bluezone-agent wipe" first'),
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
            store.sources.reread()
    return taken


def _identifiers(keys: OwnKeys) -> set[bytes]:
    """Return what this device itself had on the air: the other one heard it, and it is nobody's contact."""
    known = [own.key for own in keys.all() if own.key.protocol in PROTOCOLS]
    return {slot.identifier for key in known for slot in PROTOCOLS[key.protocol].slots(key)}
