"""A test of two radios against each other: each advertises for a while, and measures what it receives of the other.

The identifiers are those of keys that everybody can derive, so each device knows which ones to expect, and when one
follows another; they match no diagnosis key. What is measured contains no address and no identifier.
"""

from __future__ import annotations

import asyncio
import secrets
from array import array
from collections.abc import Callable, Iterator, MutableSequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from statistics import median
from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import DailyKey, IdentifierSlot, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.packet_share import FEWEST_GAPS, RECOMMENDED_S, SLOWEST_S, interval_of, share_of
from bluezone_agent.core.reception import Advert, receive
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM
from bluezone_agent.ports import Clock, Radio

ROTATES_S: Final = 20.0
"""How long each identifier is advertised: long enough for two packets at one in 11 s."""
SPARE_S: Final = 5.0
"""By how much longer an identifier may be advertised: the next preparation ends it."""
SHORTEST_S: Final = 4.0
"""For a remainder shorter than this the last identifier stays: preparing another takes up to 2 s of it."""
DEVICES: Final = 256
"""Numbers of devices, of which each takes one at random: two devices take the same in one of 256 tests."""
LABEL: Final = b"bluezone-agent radio test"


@dataclass(frozen=True, slots=True)
class ReceivedDevice:
    """What was measured of the other device."""

    identifiers: int
    packets: int
    share: float | None
    """Estimated share of its packets that were received; None if too few were for an estimate."""
    interval_ms: float | None
    """The mean time between two packets of which none is missing between them; None if too few were received."""
    longest_gap_s: float
    """Between two packets of one identifier."""
    shortest_pause_s: float | None
    """Between the last packet of one identifier and the first of the next; None with fewer than two identifiers."""
    longest_pause_s: float | None
    overlaps: int
    """How often an identifier was received after its successor."""
    addresses_per_identifier: int | None
    """The most; None where this device's radio does not tell addresses apart."""
    identifiers_per_address: int | None
    strongest_dbm: int
    median_dbm: float
    weakest_dbm: int
    stated_dbm: int | None
    """The transmit power that its advertisements state."""
    advertising_data: str
    """Its advertising data, hexadecimal, with zeros instead of the identifier and its metadata."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of a test."""

    sent: int
    """Identifiers that this device advertised."""
    known_dbm: int | None
    """The transmit power that this device's controller reports."""
    received: ReceivedDevice | None
    """None if no other device that runs the test was received."""


@dataclass(slots=True)
class _Identifier:
    """What was received of one identifier."""

    first: Advert
    at_s: MutableSequence[float] = field(default_factory=lambda: array("d"))
    rssi_dbm: list[int] = field(default_factory=list)
    senders: set[bytes] = field(default_factory=set, repr=False)


class Identifiers:
    """The identifiers of every device that may take part."""

    def __init__(self, protocol: ProximityProtocol) -> None:
        self.protocol = protocol
        self._numbers = {
            slot.identifier: (device, number)
            for device in range(DEVICES)
            for number, slot in enumerate(protocol.slots(self.key(device)))
        }

    def key(self, device: int) -> DailyKey:
        """Return the key of a device by its number."""
        data = sha256(LABEL + device.to_bytes(2, "big")).digest()[: self.protocol.key_length]
        return DailyKey(self.protocol.name, data, 0, DAY_S, self.protocol.slots_per_day)

    def of(self, device: int) -> Iterator[IdentifierSlot]:
        """Yield the identifiers of a device, again from the first after the last."""
        while True:
            yield from self.protocol.slots(self.key(device))

    def find(self, identifier: bytes) -> tuple[int, int] | None:
        """Return whose identifier it is and which one; None for any other identifier."""
        return self._numbers.get(identifier)


async def measure(
    radio: Radio,
    clock: Clock,
    protocol: ProximityProtocol,
    seconds: float,
    *,
    tx_power_dbm: int,
    random_below: Callable[[int], int] = secrets.randbelow,
) -> Measured:
    """Advertise a new identifier every 20 s for ``seconds``, and measure the other device that is received best.

    At least one identifier is advertised; the last one stays where less than 4 s are left for another.
    ``tx_power_dbm`` is stated where the radio does not know its power. Raises RadioUnavailableError.
    """
    identifiers = Identifiers(protocol)
    own = random_below(DEVICES)
    found: dict[int, dict[int, _Identifier]] = {}

    def receives(advert: Advert) -> None:
        observed = receive(advert).observed
        known = None if observed is None else identifiers.find(observed.identifier)
        if known is None or known[0] == own or advert.rssi_dbm not in PLAUSIBLE_RSSI_DBM:
            return
        device, number = known
        known_one = found.setdefault(device, {}).setdefault(number, _Identifier(advert))
        known_one.at_s.append(advert.received_at_s)
        known_one.rssi_dbm.append(advert.rssi_dbm)
        known_one.senders.add(advert.sender)

    sent, known_dbm = 0, None
    slots, key = identifiers.of(own), identifiers.key(own)
    async with radio:
        until_s = clock.uptime_s() + seconds
        listening: asyncio.Task[None] | None = None
        try:
            while not sent or until_s - clock.uptime_s() >= SHORTEST_S:
                known_dbm = await radio.prepare(ROTATES_S + SPARE_S)
                power_dbm = tx_power_dbm if known_dbm is None else known_dbm
                await radio.advertise(protocol.encode(key, next(slots), power_dbm))
                sent += 1
                listening = listening or asyncio.create_task(radio.listen(receives))
                left_s = until_s - clock.uptime_s()
                turn_s = left_s if left_s < ROTATES_S + SHORTEST_S else ROTATES_S
                await asyncio.wait([listening], timeout=turn_s)
                if listening.done():
                    listening.result()
                    break
        finally:
            if listening is not None:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    best = max(found, key=lambda device: sum(len(one.at_s) for one in found[device].values()), default=None)
    return Measured(sent, known_dbm, None if best is None else _received(identifiers, best, found[best]))


def _received(identifiers: Identifiers, device: int, by_number: dict[int, _Identifier]) -> ReceivedDevice:
    each = [by_number[number] for number in sorted(by_number)]
    gaps_s = array("d", (b - a for one in each for a, b in pairwise(one.at_s)))
    pauses_s = [b.at_s[0] - a.at_s[-1] for a, b in pairwise(each)]
    rssi_dbm = [value for one in each for value in one.rssi_dbm]
    interval_s = interval_of(gaps_s) if gaps_s else None
    enough = len(gaps_s) >= FEWEST_GAPS and sum(gaps_s) > 0
    protocol, first = identifiers.protocol, each[0].first
    observed = protocol.decode(first.advertising_data)
    of_sender: dict[bytes, int] = {}
    for one in each:
        for sender in one.senders:
            of_sender[sender] = of_sender.get(sender, 0) + 1
    tells = b"" not in of_sender
    return ReceivedDevice(
        identifiers=len(each),
        packets=len(rssi_dbm),
        share=share_of(gaps_s, RECOMMENDED_S.get(protocol.name, SLOWEST_S)) if enough else None,
        interval_ms=1000 * interval_s if enough and interval_s is not None else None,
        longest_gap_s=max(gaps_s, default=0.0),
        shortest_pause_s=min(pauses_s, default=None),
        longest_pause_s=max(pauses_s, default=None),
        overlaps=sum(pause_s < 0 for pause_s in pauses_s),
        addresses_per_identifier=max(len(one.senders) for one in each) if tells else None,
        identifiers_per_address=max(of_sender.values()) if tells else None,
        strongest_dbm=max(rssi_dbm),
        median_dbm=median(rssi_dbm),
        weakest_dbm=min(rssi_dbm),
        stated_dbm=None if observed is None else protocol.tx_power_dbm(identifiers.key(device), observed),
        advertising_data=_without_identifier(first.advertising_data),
    )


def _without_identifier(data: AdvertisingData) -> str:
    """Return advertising data without what differs between identifiers."""
    shown = AdvertisingData(
        data.service_uuids,
        {uuid: bytes(len(value)) for uuid, value in data.service_data.items()},
        {company: bytes(len(value)) for company, value in data.manufacturer_data.items()},
        data.tx_power_dbm,
        data.flags,
    )
    return shown.to_bytes().hex()
