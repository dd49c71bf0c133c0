"""Proof of life: was the own broadcast heard by somebody else?

A radio that says it broadcasts proves nothing: controllers and kernels have bugs that leave the air empty. Proof is
the own identifier as another adapter of this device, or another device, has heard it.

Imports nothing heavy: ``status`` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bluezone_agent.stores.store import Store

PROVED: Final = "proved"
"""Name of the sign of life."""
PROOF_LATE_S: Final = 300
"""Another adapter hears the own broadcast every 11 s at worst, and a minute is committed when it is over."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of the own broadcast being on the air."""

    provable: bool = False
    """Whether another adapter of this device listens; without one the last proof has no age limit."""
    at_s: int | None = None
    """When somebody heard the own identifier last, Unix seconds; None for never."""
    by: str = ""
    """Who: the adapter's name in the configuration, or the name in a peer's report."""
    rssi_dbm: int | None = None


def read_proof(signs: Mapping[str, tuple[int, dict[str, Any]]]) -> Proof:
    """Return the proof that a store's signs of life hold."""
    at_s, detail = signs.get(PROVED, (None, {}))
    provable = signs.get("start", (0, {}))[1].get("witnesses", 0) > 0
    return Proof(provable, at_s, detail.get("by", ""), detail.get("rssi_dbm"))


def mark_proved(store: Store, at_s: float, by: str, rssi_dbm: int) -> None:
    """Write it down, in the caller's transaction, unless a later proof is known."""
    known_s = store.signs().get(PROVED, (0, {}))[0]
    if at_s >= known_s:
        store.mark(PROVED, at_s, by=by, rssi_dbm=rssi_dbm)
