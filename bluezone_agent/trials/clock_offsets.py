"""How far apart the clocks of the devices are, measured over the air.

A sender logs when it put an identifier on the air, a receiver when it received it first. The difference is the offset
of the two clocks plus a delay that is never negative: so the least difference over all identifiers bounds the offset
from above, to an advertising interval. The other direction bounds it from below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bluezone_agent.trials.records import NS

OnAirTimes = Mapping[tuple[str, int], int]
"""Sender and number of its identifier → when it went on the air, on the sender's clock, nanoseconds."""
LeastDelays = Mapping[tuple[str, str], float]
"""Receiver and sender → the least time from an identifier's going on the air to its first reception, each on its own
clock, seconds."""


@dataclass(frozen=True, slots=True)
class PairOffset:
    """Between which values the clock of ``one`` is ahead of ``other``'s, seconds; None for no bound."""

    one: str
    other: str
    least_s: float | None
    most_s: float | None

    @property
    def error_s(self) -> float | None:
        """Half the width; None if a bound is missing.

        The bounds cross by some milliseconds where a packet was received before its sender had logged the identifier.
        """
        if self.least_s is None or self.most_s is None:
            return None
        return abs(self.most_s - self.least_s) / 2

    @property
    def offset_s(self) -> float | None:
        """The middle, or the only bound; None if there is none."""
        if self.least_s is None or self.most_s is None:
            return self.most_s if self.least_s is None else self.least_s
        return (self.least_s + self.most_s) / 2


@dataclass(frozen=True, slots=True)
class DeviceOffset:
    """How far a device's clock is ahead of the trial's common clock."""

    device: str
    offset_s: float
    error_s: float | None
    """None if nothing bounds it: then its own clock is used as it is."""


def least_delays(receiver: str, on_air: OnAirTimes, first: Iterable[tuple[str, int, int]]) -> LeastDelays:
    """Return the least delays of one receiver; ``first``: sender, number, and when it was first received."""
    least: dict[tuple[str, str], float] = {}
    for sender, rotation, received_ns in first:
        sent_ns = on_air.get((sender, rotation))
        if sent_ns is not None:
            delay_s = (received_ns - sent_ns) / NS
            least[receiver, sender] = min(delay_s, least.get((receiver, sender), delay_s))
    return least


def pair_offsets(devices: Iterable[str], least: LeastDelays) -> list[PairOffset]:
    """Return the bounds of every pair of devices of which one received the other."""
    names, found = sorted(devices), []
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            back = least.get((other, one))
            offset = PairOffset(one, other, None if back is None else -back, least.get((one, other)))
            if offset.offset_s is not None:
                found.append(offset)
    return found


def device_offsets(
    devices: Iterable[str], synchronised: Iterable[str], pairs: Iterable[PairOffset]
) -> list[DeviceOffset]:
    """Return every device's offset from the common clock: that of the first synchronised device, else of the first.

    From there the pairs with the least error are followed first.
    """
    names = sorted(devices)
    trusted = sorted(synchronised)
    reference = trusted[0] if trusted else names[0]
    found = {reference: DeviceOffset(reference, 0.0, 0.0)}
    known = [pair for pair in pairs if pair.error_s is not None]
    while reachable := [pair for pair in known if (pair.one in found) != (pair.other in found)]:
        best = min(reachable, key=lambda pair: pair.error_s or 0.0)
        offset_s, error_s = best.offset_s or 0.0, best.error_s or 0.0
        known_one = best.one in found
        base = found[best.one if known_one else best.other]
        name = best.other if known_one else best.one
        found[name] = DeviceOffset(
            name, base.offset_s + (-offset_s if known_one else offset_s), (base.error_s or 0.0) + error_s
        )
    return [found.get(name, DeviceOffset(name, 0.0, None)) for name in names]
