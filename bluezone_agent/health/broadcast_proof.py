"""Whether another receiver has received this device's advertisements.

A radio that claims to broadcast proves nothing: controllers and kernels have bugs in which nothing is transmitted.
Only the device's own identifier, received by another adapter or another device, is proof.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bluezone_agent.core.ages import age_s
from bluezone_agent.core.journal import Journal, Proved, Started

PROOF_LATE_S: Final = 300
"""Another adapter receives our advertisements at least every 11 s; a minute is committed when it is over."""


class Proof(msgspec.Struct, frozen=True):
    """What is known about the transmission of our advertisements."""

    provable: bool = False
    """Whether another adapter of this device scans; without one the last proof has no age limit."""
    at_s: int | None = None
    """When another receiver last received our identifier, Unix seconds; None for never."""
    by: str = ""
    """The receiver: the adapter's name in the configuration, or the name in a peer report."""
    rssi_dbm: int | None = None


def read_proof(journal: Journal) -> Proof:
    """Return the proof that a journal holds."""
    started, proved = journal.get(Started), journal.get(Proved)
    provable = started is not None and started.monitor_adapters > 0
    return Proof(provable) if proved is None else Proof(provable, proved.at_s, proved.by, proved.rssi_dbm)


def is_newer(found: Proved, journal: Journal, now_s: float) -> bool:
    """Return whether ``found`` is newer than the journal's proof; a proof from the future is ignored."""
    known = journal.get(Proved)
    known_age_s = age_s(now_s, known.at_s if known else None)
    found_age_s = age_s(now_s, found.at_s)
    return known_age_s is None or found_age_s is None or found_age_s <= known_age_s
