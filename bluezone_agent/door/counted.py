"""Which identifiers have been counted while they may be valid. Keys are kept in memory only, and for a limited time."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from bluezone_agent.core.door import Direction

REMEMBERED_S: Final = 1800
"""After it was received last: twice the 15 minutes for which an identifier is valid at most, for clocks that differ."""
MOST: Final = 4096
"""Two people a second for half an hour; of more, the oldest are forgotten."""


@dataclass(slots=True)
class _CountedDevice:
    direction: Direction
    received_s: float


class Counted:
    """A device counts again in the other direction: somebody who came in may leave."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, _CountedDevice] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, key: Hashable, direction: Direction, at_s: float) -> None:
        """Count a device."""
        self._entries.pop(key, None)
        self._entries[key] = _CountedDevice(direction, at_s)
        if len(self._entries) > MOST:
            del self._entries[next(iter(self._entries))]

    def has(self, key: Hashable, direction: Direction) -> bool:
        """Return whether the device was counted in this direction last."""
        entry = self._entries.get(key)
        return entry is not None and entry.direction is direction

    def received(self, key: Hashable, at_s: float) -> None:
        """Keep a counted device for longer, since its identifier is still sent."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.received_s = at_s

    def hand_over(self, key: Hashable, next_key: Hashable) -> None:
        """Let the next identifier of a device be counted as this one was."""
        if key in self._entries:
            self._entries[next_key] = self._entries[key]

    def take_back(self, key: Hashable) -> None:
        """Forget a device, under its later identifiers as well."""
        entry = self._entries.get(key)
        self._entries = {k: e for k, e in self._entries.items() if e is not entry}

    def forget(self, at_s: float) -> None:
        """Forget those that have not been received for long."""
        self._entries = {k: e for k, e in self._entries.items() if at_s - e.received_s <= REMEMBERED_S}
