"""Keys that were revoked before their publication: a record in the published folder; no later call publishes them.

It contains only digests, only its owner can read it, and it is not listed: clients that fetch the folder learn nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.core.diagnosis_keys.key_file import KEY_LIFE_DAYS
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.files import PRIVATE, replace

NAME: Final = ".withdrawn"


def digest(key: DailyKey) -> str:
    """Return how the record identifies a key: SHA-256 of its data, hex."""
    return hashlib.sha256(key.data).hexdigest()


def read(folder: Path) -> dict[str, int]:
    """Return each key's digest and its end, Unix seconds; raises AgentError when the record can't be read."""
    path = folder / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise AgentError(
            N_("can't read {path}, the list of keys that must never be published: {reason}"),
            N_("make the file readable or restore it from a copy; if it is lost, revoke those submissions again"),
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error


def add(folder: Path, keys: Sequence[DailyKey], now_s: float) -> None:
    """Add keys, and drop those that are too old to be published anyway. Raises AgentError."""
    if not keys:
        return
    kept = read(folder) | {digest(key): key.ends_at_s for key in keys}
    kept = {name: ends_at_s for name, ends_at_s in kept.items() if ends_at_s >= now_s - KEY_LIFE_DAYS * DAY_S}
    path = folder / NAME
    try:
        replace(path, msgspec.json.encode(kept), mode=PRIVATE)
    except OSError as error:
        raise AgentError(
            N_("can't write {path}: {reason}"),
            N_("choose a folder that you can write to: --to FOLDER; nothing was published or withdrawn"),
            path=path,
            reason=error.strerror,
        ) from error
