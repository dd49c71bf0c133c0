"""When a scanner receives an advertiser: the three primary channels, scan interval and scan window.

Bluetooth Core Specification 5.4, Vol 6, Part B, sections 4.4.2.2 (advertising events) and 4.4.3 (scanning). What is not
modelled: collisions, noise, scan requests, and the time in which one radio can't listen because it sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

ALL_CHANNELS: Final = 0b111
"""Primary_Advertising_Channel_Map: bit 0 is channel 37, bit 1 is 38, bit 2 is 39."""
ADV_DELAY_S: Final = 0.010
"""advDelay: each event comes up to this later than the interval says, pseudo-randomly."""
PDU_SPACING_S: Final = 0.0005
"""From the start of one PDU of an event to the start of the next: 376 µs for 31 bytes, and the change of channel."""
BYTE_S: Final = 8e-6
OVERHEAD_BYTES: Final = 1 + 4 + 2 + 6 + 3
"""Preamble, access address, header, AdvA and CRC on LE 1M (Vol 6, Part B, section 2)."""


def next_event_s(event_s: float, interval_s: float, random: Random) -> float:
    """Return when the advertising event after the one at ``event_s`` starts."""
    return event_s + interval_s + random.uniform(0, ADV_DELAY_S)


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan that began at ``began_s``: ``window_s`` of each ``interval_s`` on one channel, then the next channel."""

    began_s: float
    interval_s: float
    window_s: float

    def receives(self, event_s: float, length: int, channels: int = ALL_CHANNELS) -> bool:
        """Return whether a PDU of the event at ``event_s``, with ``length`` bytes of data, falls into a window.

        An advertiser sends the same PDU on 37, 38 and 39 in turn. It is received if all of it arrives while the scanner
        listens on its channel. If two are received because the scanner changed its channel between them, that is
        one reception: so received / sent never exceeds 1.
        """
        airtime_s = (OVERHEAD_BYTES + length) * BYTE_S
        at_s = event_s - self.began_s
        for index in range(3):
            if channels >> index & 1:
                number, into_s = divmod(at_s, self.interval_s)
                if number >= 0 and number % 3 == index and into_s + airtime_s <= self.window_s:
                    return True
                at_s += PDU_SPACING_S
        return False
