"""Since when an identifier has been received, for an unlimited number of identifiers: in fixed memory, by
fingerprint."""

from __future__ import annotations

from array import array
from typing import Final

from bluezone_agent.core.identifiers import ObservedIdentifier

SPREAD_S: Final = 10
"""An identifier that is received for longer than this lasts. A neighbour of which bluetoothd reports one packet in 11 s
does; an identifier forged for one to three packets does not."""
FORGOTTEN_S: Final = 90
"""How long an identifier is remembered after its first packet: for longer than a minute, after which it is counted."""
CELLS: Final = 2**20
"""4 MiB. The fingerprint of a packet is still there 12 s later with a probability of 98 % if 1,700 new identifiers
arrive per second, and of 89 % if 10,000 do: e^(-12 x 10,000 / 2^20)."""
SECONDS: Final = 0xFFF
"""A time is kept modulo 4,096 s."""


class RecentlyReceived:
    """A cell for each remainder of a hash: which identifier was received there last, and when first.

    Python's hash has a new seed in every process, so that nobody can choose identifiers that share a cell. Two
    identifiers with the same fingerprint are mistaken for one another: one in a million of those that share a cell.
    """

    def __init__(self) -> None:
        self._cells: array[int] | None = None

    def age_s(self, observed: ObservedIdentifier, at_s: int) -> int:
        """Return for how many seconds it has been received; 0 if it is not remembered, and it is from now on."""
        if self._cells is None:
            self._cells = array("I", bytes(4 * CELLS))
        number = hash(observed)
        fingerprint, cell = number >> 20 & 0xFFFFF, number % CELLS
        known = self._cells[cell]
        if known >> 12 == fingerprint and (age_s := at_s - known & SECONDS) <= FORGOTTEN_S:
            return age_s
        self._cells[cell] = fingerprint << 12 | at_s & SECONDS
        return 0
