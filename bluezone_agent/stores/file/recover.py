"""A damaged store is quarantined, never deleted; its keys are recovered into a new one."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import StoreDamagedError
from bluezone_agent.stores.file.connection import connect
from bluezone_agent.stores.file.open import FILE_NAME, require_sound
from bluezone_agent.stores.file.quarantine import LOG_NAMES, QUARANTINED
from bluezone_agent.stores.key_cipher import KeyCipher, salvaged
from bluezone_agent.stores.key_encryption import OVERHEAD, KeyEncryption, encrypted_error
from bluezone_agent.stores.keys import row_of
from bluezone_agent.stores.store import Store

KEY_COLUMNS: Final = "id, protocol, data, starts_at_s, ends_at_s, slots_per_day, last_slot_s"


@dataclass(frozen=True, slots=True)
class Recovery:
    """The result for a damaged store."""

    quarantined: Path
    """Where the damaged file is now."""
    keys: int
    """Daily keys of this device that could be read."""
    error: StoreDamagedError


def open_or_recover(state_dir: Path, passphrase: str = "") -> tuple[Store, Recovery | None]:
    """Open the store; quarantine a damaged one, or a later version's, and start a new one with its keys.

    With a passphrase the keys are encrypted from now on, and recovered if they already were. Only the agent that holds
    the state's lock may call this. Raises StoreError if the file is another program's or the disk fails,
    KeysEncryptedError if the passphrase is missing or another one.
    """
    try:
        require_sound(state_dir)
        return _opened(state_dir, passphrase), None
    except StoreDamagedError as error:
        damage = error
    keys = _salvage(state_dir / FILE_NAME, passphrase)
    quarantined = _quarantine(state_dir)
    store = _opened(state_dir, passphrase)
    try:
        with store.transaction():
            for key, last_slot_s in keys.values():
                store.keys.add(key, last_slot_s=last_slot_s, exportable=True, closed=True)
    except BaseException:
        store.close()
        raise
    return store, Recovery(quarantined, len(keys), damage)


def _opened(state_dir: Path, passphrase: str) -> Store:
    store = Store(state_dir)
    try:
        if passphrase:
            store.encrypt(passphrase)
        elif store.keys.encrypted:
            raise encrypted_error(state_dir / FILE_NAME)
    except BaseException:
        store.close()
        raise
    return store


def _quarantine(state_dir: Path) -> Path:
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{QUARANTINED}{stamp}{more}.db" for more in ("", *(f"-{n}" for n in range(2, 1000))))
    quarantined = next(path for path in map(state_dir.joinpath, names) if not path.exists())
    (state_dir / FILE_NAME).rename(quarantined)
    for suffix in LOG_NAMES:
        log = state_dir / f"{FILE_NAME}{suffix}"
        if log.exists():
            log.rename(quarantined.with_name(quarantined.name + suffix))
    return quarantined


def _salvage(path: Path, passphrase: str) -> dict[bytes, tuple[DailyKey, int]]:
    """Return each readable key of trusted time with its last slot, by its secret."""
    readable: dict[bytes, tuple[DailyKey, int]] = {}
    encrypted: dict[int, tuple[DailyKey, int]] = {}
    with closing(connect(str(path))) as db:
        for order in ("ASC", "DESC"):  # from both ends up to the damage
            with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
                for row in db.execute(f"SELECT {KEY_COLUMNS} FROM daily_key WHERE exportable ORDER BY id {order}"):  # noqa: S608
                    key, last_slot_s = DailyKey(*row[1:-1]), row[-1]
                    if _is_possible(key, last_slot_s):
                        readable[key.data] = key, last_slot_s
                    elif _is_possible(key, last_slot_s, OVERHEAD):
                        encrypted[row[0]] = key, last_slot_s
        return readable or _decrypted(db, path, encrypted, passphrase)


def _decrypted(
    db: sqlite3.Connection, path: Path, encrypted: dict[int, tuple[DailyKey, int]], passphrase: str
) -> dict[bytes, tuple[DailyKey, int]]:
    """Return the keys that the passphrase decrypts; raises KeysEncryptedError when it is certainly another."""
    if encrypted and not passphrase:
        raise encrypted_error(path)
    found: dict[bytes, tuple[DailyKey, int]] = {}
    ciphers: dict[bytes, KeyCipher] = {}
    for key_id, (key, last_slot_s) in encrypted.items():
        data = salvaged(key.data, row_of(key_id, key), passphrase, ciphers)
        if data is not None:
            found[data] = key._replace(data=data), last_slot_s
    if encrypted and not found:
        with suppress(sqlite3.DatabaseError, UnicodeDecodeError, TypeError):  # a damaged proof proves nothing
            KeyEncryption(db).unlock(passphrase)
    return found


def _is_possible(key: DailyKey, last_slot_s: object, overhead: int = 0) -> bool:
    """Return whether these may be a key's values, encrypted or not: a damaged file may contain anything."""
    protocol = PROTOCOLS.get(key.protocol)
    numbers = (key.starts_at_s, key.ends_at_s, key.slots_per_day, last_slot_s)
    return (
        protocol is not None
        and all(isinstance(number, int) for number in numbers)
        and isinstance(key.data, bytes)
        and len(key.data) == protocol.key_length + overhead
        and key.slots_per_day == protocol.slots_per_day
        and 0 < key.ends_at_s - key.starts_at_s <= DAY_S
    )
