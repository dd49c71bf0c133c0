"""Since when an identifier is on the air, of far more of them than can be counted: in fixed memory, by fingerprint."""

from __future__ import annotations

from array import array
from typing import Final

from bluezone_agent.core.identifiers import ObservedIdentifier

SPREAD_S: Final = 10
"""Who is received over more than this lasts. A neighbour of whom bluetoothd reports one packet in 11 s does; what is
forged for a packet or three does not."""
FORGOTTEN_S: Final = 90
"""For how long after its first packet somebody is remembered: for longer than a minute, after which it is counted."""
CELLS: Final = 2**20
"""4 MiB. The fingerprint of a packet is there 12 s later with a probability of 98 % where 1,700 new identifiers come a
second, of 89 % where 10,000 do: e^(-12 x 10,000 / 2^20)."""
SECONDS: Final = 0xFFF
"""A time is kept modulo 4,096 s."""


class RecentlyReceived:
    """A cell for each remainder of a hash: who was received there last, and when first.

    Python's hash is seeded anew in every process, so that nobody can choose identifiers which share a cell. Two with
    one fingerprint are taken for one another: one in a million that share a cell.
    """

    def __init__(self) -> None:
        self._cells: array[int] | None = None

    def age_s(self, observed: ObservedIdentifier, at_s: int) -> int:
        """Return for how many seconds it has been received; 0 where that is not remembered, which it is now."""
        if self._cells is None:
            self._cells = array("I", bytes(4 * CELLS))
        number = hash(observed)
        fingerprint, cell = number >> 20 & 0xFFFFF, number % CELLS
        known = self._cells[cell]
        if known >> 12 == fingerprint and (age_s := at_s - known & SECONDS) <= FORGOTTEN_S:
            return age_s
        self._cells[cell] = fingerprint << 12 | at_s & SECONDS
        return 0
