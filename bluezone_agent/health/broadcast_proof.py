"""Whether somebody else received the own advertisement.

A radio that says it broadcasts proves nothing: controllers and kernels have bugs that leave the air empty. Proof is
the own identifier as another adapter of this device, or another device, has received it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bluezone_agent.core.ages import age_s
from bluezone_agent.core.journal import Journal, Proved, Started

PROOF_LATE_S: Final = 300
"""Another adapter receives the own advertisement every 11 s at worst; a minute is committed when it is over."""


class Proof(msgspec.Struct, frozen=True):
    """What is known of the own advertisement being on the air."""

    provable: bool = False
    """Whether another adapter of this device listens; without one the last proof has no age limit."""
    at_s: int | None = None
    """When somebody received the own identifier last, Unix seconds; None for never."""
    by: str = ""
    """Who: the adapter's name in the configuration, or the name in a peer's report."""
    rssi_dbm: int | None = None


def read_proof(journal: Journal) -> Proof:
    """Return the proof that a journal holds."""
    started, proved = journal.get(Started), journal.get(Proved)
    provable = started is not None and started.monitor_adapters > 0
    return Proof(provable) if proved is None else Proof(provable, proved.at_s, proved.by, proved.rssi_dbm)


def is_newer(found: Proved, journal: Journal, now_s: float) -> bool:
    """Return whether ``found`` is a later proof than the journal's; one in the future is no proof to keep."""
    known = journal.get(Proved)
    known_age_s = age_s(now_s, known.at_s if known else None)
    found_age_s = age_s(now_s, found.at_s)
    return known_age_s is None or found_age_s is None or found_age_s <= known_age_s
