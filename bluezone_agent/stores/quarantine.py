"""A damaged store is set aside, never deleted; its keys live on in a new one."""

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
from bluezone_agent.stores.aside import ASIDE, LOG_NAMES
from bluezone_agent.stores.database import FILE_NAME, require_sound
from bluezone_agent.stores.store import Store

KEY_COLUMNS: Final = "protocol, data, starts_at_s, ends_at_s, slots_per_day, last_slot_s"


@dataclass(frozen=True, slots=True)
class Begun:
    """What became of a damaged store."""

    aside: Path
    """Where it is now."""
    keys: int
    """Own keys that could be read."""
    error: StoreDamagedError


def open_or_begin_anew(state_dir: Path) -> tuple[Store, Begun | None]:
    """Open the store; set a damaged one, or a later version's, aside and begin anew with its keys.

    Only the agent that holds the state's lock may call this. Raises StoreError where the file is another program's or
    the disk fails.
    """
    try:
        require_sound(state_dir)
        return Store(state_dir), None
    except StoreDamagedError as error:
        damage = error
    aside = _set_aside(state_dir)
    store = Store(state_dir)
    keys = _salvage(aside)
    with store.transaction():
        for key, last_slot_s in keys.values():
            store.keys.add(key, last_slot_s=last_slot_s, exportable=True, closed=True)
    return store, Begun(aside, len(keys), damage)


def _set_aside(state_dir: Path) -> Path:
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{ASIDE}{stamp}{more}.db" for more in ("", *(f"-{n}" for n in range(2, 1000))))
    aside = next(path for path in map(state_dir.joinpath, names) if not path.exists())
    (state_dir / FILE_NAME).rename(aside)
    for suffix in LOG_NAMES:
        log = state_dir / f"{FILE_NAME}{suffix}"
        if log.exists():
            log.rename(aside.with_name(aside.name + suffix))
    return aside


def _salvage(path: Path) -> dict[bytes, tuple[DailyKey, int]]:
    """Return each key of trusted time that can be read, with its last slot, by its secret."""
    found: dict[bytes, tuple[DailyKey, int]] = {}
    with closing(sqlite3.connect(path)) as db:
        for order in ("ASC", "DESC"):  # from both ends up to the damage
            with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
                for row in db.execute(f"SELECT {KEY_COLUMNS} FROM daily_key WHERE exportable ORDER BY id {order}"):  # noqa: S608
                    key = DailyKey(*row[:-1])
                    if _is_possible(key, row[-1]):
                        found[key.data] = key, row[-1]
    return found


def _is_possible(key: DailyKey, last_slot_s: object) -> bool:
    """Return whether these may be a key's values: what a damaged file says may be anything."""
    protocol = PROTOCOLS.get(key.protocol)
    numbers = (key.starts_at_s, key.ends_at_s, key.slots_per_day, last_slot_s)
    return (
        protocol is not None
        and all(isinstance(number, int) for number in numbers)
        and isinstance(key.data, bytes)
        and len(key.data) == protocol.key_length
        and key.slots_per_day == protocol.slots_per_day
        and 0 < key.ends_at_s - key.starts_at_s <= DAY_S
    )
