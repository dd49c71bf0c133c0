"""What share of the packets on the air a receiver gets, estimated from the gaps between the packets of its neighbours.

A neighbour sends at a fixed interval, each time up to 10 ms later at random (Bluetooth Core Specification 5.3, Vol 6,
Part B, 4.4.2.2.1), so the shortest gaps between its packets are its interval, and longer ones are missed packets. Where
even the shortest gaps are longer than any neighbour's interval, the receiver gets few packets of each, and the interval
that the protocol recommends counts instead.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, MutableSequence, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Final

SPARSE_SCAN_MODE: Final = "active"
"""BlueZ's scan, where bluetoothd allows no passive one: some adapters then report a neighbour once in 11 s."""
RECOMMENDED_S: Final = {"gaen": 0.240, "bluezone": 0.250}
"""Seconds between two packets. Exposure Notification: the middle of 200 to 270 ms (Bluetooth specification v1.2), and 5
ms of delay. Bluezone's app states none; 250 ms is Android's balanced mode."""
SLOWEST_S: Final = 1.4
"""The slowest interval in use: 1.28 s, BlueZ's with extended advertising."""
WINDOW_S: Final = 300.0
"""How long neighbours are followed for one estimate: bluetoothd lets about 27 packets of each through in this time."""
SHORTEST_S: Final = 60.0
"""A neighbour that is received for less than this is not counted: it may have come or left."""
NEAR_DBM: Final = -80
"""A neighbour that is weaker on average is not counted: receivers begin to lose packets around -90 dBm."""
FOLLOWED: Final = 8
"""Neighbours that are followed at a time; the one received best decides, since walls and bodies cost packets too."""
FEWEST_GAPS: Final = 4
MOST_GAPS: Final = 4096
"""Gaps kept of a neighbour: more than one that sends every 100 ms makes in a window."""


@dataclass(slots=True)
class _Neighbour:
    protocol: str
    last_s: float
    gaps_s: MutableSequence[float] = field(default_factory=lambda: array("d"))
    sum_dbm: int = 0

    def share(self) -> float | None:
        """Return its share; None if it says nothing."""
        count = len(self.gaps_s)
        if count < FEWEST_GAPS or sum(self.gaps_s) < SHORTEST_S or self.sum_dbm < NEAR_DBM * count:
            return None
        return share_of(self.gaps_s, RECOMMENDED_S.get(self.protocol, SLOWEST_S))


class PacketShare:
    """Estimates the share, window by window."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._neighbours: dict[Hashable, _Neighbour] = {}

    def received(self, sender: Hashable, protocol: str, rssi_dbm: int, at_s: float) -> None:
        """Take note of a packet.

        ``sender`` is what stays the same for minutes: its identifier, or its advertising data; ``at_s`` is the time of
        reception in seconds.
        """
        known = self._neighbours.get(sender)
        if known is None:
            if len(self._neighbours) >= FOLLOWED:
                return
            if not self._neighbours:
                self._began_s = at_s
            self._neighbours[sender] = _Neighbour(protocol, at_s)
        elif at_s > known.last_s:
            if len(known.gaps_s) < MOST_GAPS:
                known.gaps_s.append(at_s - known.last_s)
                known.sum_dbm += rssi_dbm
            known.last_s = at_s

    def take(self, now_s: float) -> float | None:
        """Return the estimate (0 to 1) once its window is over, and begin another window; else None.

        It is also None if no neighbour was received for long enough.
        """
        if 0 <= now_s - self._began_s < WINDOW_S and self._neighbours:
            return None
        found = [share for neighbour in self._neighbours.values() if (share := neighbour.share()) is not None]
        self._neighbours.clear()
        return max(found, default=None)


def share_of(gaps_s: Sequence[float], recommended_s: float) -> float:
    """Return the share (0 to 1) of one neighbour's packets that was received with these gaps between them, seconds."""
    found_s = interval_of(gaps_s)
    interval_s = recommended_s if found_s is None else found_s
    return min(1.0, interval_s * len(gaps_s) / sum(gaps_s))


def interval_of(gaps_s: Sequence[float]) -> float | None:
    """Return the mean interval, seconds, of a neighbour with these gaps: the mean of those in which nothing is missing.

    None if even the shortest are longer than any neighbour's interval.
    """
    short_s = sorted(gaps_s)[len(gaps_s) // 10]
    return mean(gap_s for gap_s in gaps_s if gap_s < 1.5 * short_s) if short_s <= SLOWEST_S else None
