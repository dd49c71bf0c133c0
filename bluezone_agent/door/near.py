"""The devices in front of a door: how strongly each is received now, and was a moment ago. In bounded memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from statistics import fmean, median
from typing import Final, NamedTuple

NOW_S: Final = 2.0
"""A level is the mean of the packets of this time: eight of a phone that sends every 250 ms, whose fading of 4 dB makes
1.4 dB then."""
FEWEST: Final = 3
"""Packets without which there is no level."""
BEFORE_S: Final = 2.25, 10.0
"""A moment ago: the median of the packets between these ages. While a device has been held near for less than five
seconds, most of them are of the time before; a walk-up or a step ahead in the queue is in it as well."""
FEWEST_BEFORE: Final = 4
GONE_S: Final = 3.0
"""A device is no longer there this long after its last packet: with a tenth of the packets lost, 12 lost in a row."""
FORGOTTEN_S: Final = 10.0
MOST_PACKETS: Final = 64
"""Kept of each device: more than a phone sends in the time that counts."""
MOST_DEVICES: Final = 200
"""Followed at one time: a hall full of people. Of more, the weakest is forgotten."""


class Packet(NamedTuple):
    """One packet."""

    at_s: float
    rssi_dbm: int


@dataclass(slots=True)
class NearDevice:
    """One identifier, as long as it is received."""

    key: Hashable
    protocol: str
    first_s: float
    packets: deque[Packet] = field(default_factory=lambda: deque(maxlen=MOST_PACKETS))
    last_s: float = -math.inf
    inside: bool = False
    """Whether it was counted since it came near: it has to leave before it is looked at again."""
    examined: bool = False
    """Whether it is known to be a device of its own, and not the next identifier of another."""

    def level_dbm(self, at_s: float) -> float | None:
        """Return how strongly it is received now; None if too few packets say so."""
        found = [packet.rssi_dbm for packet in self._since(at_s - NOW_S)]
        return fmean(found) if len(found) >= FEWEST else None

    def before_dbm(self, at_s: float) -> float | None:
        """Return how strongly it was received a moment ago; None if it was not."""
        newest_s, oldest_s = BEFORE_S
        found = [packet.rssi_dbm for packet in self._since(at_s - oldest_s) if packet.at_s <= at_s - newest_s]
        return median(found) if len(found) >= FEWEST_BEFORE else None

    def _since(self, after_s: float) -> Iterator[Packet]:
        return takewhile(lambda packet: packet.at_s > after_s, reversed(self.packets))

    def follows(self, other: NearDevice) -> None:
        """Take the past of the identifier that this device had before."""
        self.inside = other.inside
        self.packets = deque((*other.packets, *self.packets), maxlen=MOST_PACKETS)


class NearDevices:
    """All of them."""

    def __init__(self) -> None:
        self._known: dict[Hashable, NearDevice] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[NearDevice]:
        return iter(self._known.values())

    def received(self, key: Hashable, protocol: str, packet: Packet) -> NearDevice | None:
        """Add a packet; None if there is no room for its device, which is weaker than every other."""
        device = self._known.get(key)
        if device is None:
            if len(self._known) >= MOST_DEVICES and not self._make_room(packet):
                return None
            device = self._known[key] = NearDevice(key, protocol, packet.at_s)
        device.packets.append(packet)
        device.last_s = packet.at_s
        return device

    def _make_room(self, packet: Packet) -> bool:
        weakest = min(self._known.values(), key=lambda device: device.packets[-1].rssi_dbm)
        if weakest.packets[-1].rssi_dbm >= packet.rssi_dbm:
            return False
        del self._known[weakest.key]
        return True

    def drop(self, device: NearDevice) -> None:
        """Forget a device."""
        del self._known[device.key]

    def forget(self, at_s: float) -> None:
        """Forget the devices that are gone."""
        self._known = {key: d for key, d in self._known.items() if at_s - d.last_s <= FORGOTTEN_S}

    def there(self, at_s: float) -> list[tuple[float, NearDevice]]:
        """Return the devices that are there with their levels, strongest first."""
        found = [
            (level, device)
            for device in self._known.values()
            if at_s - device.last_s <= GONE_S and (level := device.level_dbm(at_s)) is not None
        ]
        return sorted(found, key=lambda one: one[0], reverse=True)
