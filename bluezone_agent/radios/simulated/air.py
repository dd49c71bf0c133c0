"""Many agents on one simulated air: which devices receive which, and how strongly, from their positions.

The loss between two devices is a log-distance path loss plus the absorption by the carriers' bodies, slow shadowing,
fast fading and lost packets (T. S. Rappaport, Wireless Communications, chapter 4, for the form). All randomness comes
from one seed and from the pair's names, so that a run is the same whichever device listens first.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple, Self

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.ports import Clock
from bluezone_agent.radios.sender import sender_digest

ADVERT_INTERVAL_S: Final = 0.25
"""Within the 200-270 ms of the Exposure Notification Bluetooth specification v1.2."""


class Position(NamedTuple):
    """Where a device is and which way its carrier faces."""

    x_m: float
    y_m: float
    facing_rad: float = 0.0
    """Counter-clockwise from the x axis; the carrier's body is behind the device."""


Motion = Callable[[float], Position | None]
"""Position as a function of true Unix time; None while the device is out of everybody's range."""


@dataclass(frozen=True, slots=True)
class Propagation:
    """How the simulated air attenuates a signal. In decibels; deviations are those of normal distributions."""

    loss_at_1m_db: float = 46.0
    """Free space at 2.44 GHz and 1 m is 40.2 dB; the rest is the loss of carrying the device."""
    decade_db: float = 22.0
    """Free space is 20 dB per decade of distance. Among people acting scenes of daily life it was 12 dB per decade,
    with 7 dB of scatter (DP-3T exp34): this air is kinder than real life."""
    body_db: float = 8.0
    """The absorption of a carrier's body towards its back; it is 0 towards its front."""
    shadowing_db: float = 3.0
    """Slow changes, the same in both directions."""
    shadowing_s: float = 60.0
    """Time in which the shadowing decorrelates to 1/e."""
    fading_db: float = 4.0
    """Independent for each packet."""
    packet_loss: float = 0.1
    sensitivity_dbm: float = -100.0
    """A weaker packet is not received."""

    def mean_loss_db(self, sender: Position, receiver: Position) -> float:
        """Return the loss before shadowing and fading."""
        dx, dy = receiver.x_m - sender.x_m, receiver.y_m - sender.y_m
        distance_m = max(math.hypot(dx, dy), 0.1)
        towards = math.atan2(dy, dx)
        bodies = (2 - math.cos(sender.facing_rad - towards) + math.cos(receiver.facing_rad - towards)) / 2
        return self.loss_at_1m_db + self.decade_db * math.log10(distance_m) + self.body_db * bodies


@dataclass(frozen=True, slots=True)
class Transmission:
    """One change of what a device transmits; ``data`` is empty when it stopped."""

    at_s: float
    device: int
    address: str = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(slots=True)
class _Device:
    number: int
    motion: Motion
    tx_power_dbm: float
    rx_offset_db: float
    random: Random
    advertising_data: Callable[[float], AdvertisingData | None]
    """The advertising data at a true time."""
    address: Callable[[float], str] | None = None
    """The address at a true time; None for a sender of which it is not told."""


@dataclass(slots=True)
class _Shadow:
    """The slow part of the loss between two devices: an Ornstein-Uhlenbeck process."""

    random: Random
    at_s: float = -math.inf
    value: float = 0.0

    def at(self, now_s: float, forget_s: float) -> float:
        """Return the shadowing at ``now_s`` in standard deviations."""
        kept = math.exp(-max(0.0, now_s - self.at_s) / forget_s)
        self.value = kept * self.value + math.sqrt(1 - kept * kept) * self.random.gauss(0, 1)
        self.at_s = now_s
        return self.value


class Air:
    """What all virtual radios share."""

    def __init__(
        self,
        now_s: Callable[[], float],
        *,
        seed: int = 0,
        propagation: Propagation | None = None,
        advert_interval_s: float = ADVERT_INTERVAL_S,
    ) -> None:
        """``now_s`` returns true time; each sender transmits one packet every ``advert_interval_s``."""
        self.now_s = now_s
        self.advert_interval_s = advert_interval_s
        self.log: list[Transmission] = []
        """The true history of the air, for tests: every change of a transmission."""
        self._seed = seed
        self._propagation = propagation or Propagation()
        self._devices: list[_Device] = []
        self._shadows: dict[tuple[int, int], _Shadow] = {}

    def radio(
        self, clock: Clock, motion: Motion, *, tx_power_dbm: float = -12.0, rx_offset_db: float = 0.0
    ) -> VirtualRadio:
        """Return a new device's radio. ``tx_power_dbm`` is its true power, ``rx_offset_db`` its receiver's error."""
        return VirtualRadio(self, self._add(motion, tx_power_dbm, rx_offset_db, lambda _: None), clock)

    def observed(
        self,
        motion: Motion,
        advertising_data_at: Callable[[float], AdvertisingData | None],
        *,
        tx_power_dbm: float = -12.0,
        address_at: Callable[[float], str] | None = None,
    ) -> None:
        """Add a device that only transmits: ``advertising_data_at`` a true time, under ``address_at`` it."""
        self._add(motion, tx_power_dbm, 0.0, advertising_data_at).address = address_at

    def listener(self, motion: Motion) -> Callable[[], Iterator[tuple[AdvertisingData, int, bytes]]]:
        """Add a device that only receives; return what yields its :meth:`receptions` now."""
        device = self._add(motion, 0.0, 0.0, lambda _: None)
        return lambda: self.receptions(device)

    def _add(
        self,
        motion: Motion,
        tx_power_dbm: float,
        rx_offset_db: float,
        advertising_data: Callable[[float], AdvertisingData | None],
    ) -> _Device:
        number = len(self._devices)
        device = _Device(number, motion, tx_power_dbm, rx_offset_db, Random(f"{self._seed}/{number}"), advertising_data)
        self._devices.append(device)
        return device

    def put(self, device: _Device, address: str, advertising_data: AdvertisingData | None) -> None:
        """Change what a device transmits."""
        device.advertising_data = lambda _: advertising_data
        self.log.append(
            Transmission(self.now_s(), device.number, address, advertising_data.to_bytes() if advertising_data else b"")
        )

    def receptions(self, receiver: _Device) -> Iterator[tuple[AdvertisingData, int, bytes]]:
        """Yield what ``receiver`` gets from one packet of each sender: advertising data, RSSI in dBm, sender's digest.

        The digest is empty where the sender's address is not told.
        """
        now_s = self.now_s()
        here = receiver.motion(now_s)
        if here is None:
            return
        for sender in self._devices:
            advertising_data, there = sender.advertising_data(now_s), sender.motion(now_s)
            if sender is receiver or advertising_data is None or there is None:
                continue
            rssi_dbm = self._rssi_dbm(sender, there, receiver, here, now_s)
            if rssi_dbm is not None:
                yield advertising_data, rssi_dbm, sender_digest(sender.address(now_s)) if sender.address else b""

    def _rssi_dbm(
        self, sender: _Device, there: Position, receiver: _Device, here: Position, now_s: float
    ) -> int | None:
        p = self._propagation
        mean_dbm = sender.tx_power_dbm - p.mean_loss_db(there, here) + receiver.rx_offset_db
        if mean_dbm < p.sensitivity_dbm - 3 * (p.shadowing_db + p.fading_db):
            return None  # far away: 3 standard deviations would not make it audible
        shadow = self._shadow(sender, receiver).at(now_s, p.shadowing_s)
        fading_db, lost = receiver.random.gauss(0, p.fading_db), receiver.random.random() < p.packet_loss
        rssi_dbm = round(mean_dbm + p.shadowing_db * shadow + fading_db)
        return None if lost or rssi_dbm < p.sensitivity_dbm else min(rssi_dbm, -1)

    def _shadow(self, a: _Device, b: _Device) -> _Shadow:
        pair = (min(a.number, b.number), max(a.number, b.number))
        if pair not in self._shadows:
            self._shadows[pair] = _Shadow(Random(f"{self._seed}/{pair}"))
        return self._shadows[pair]


class VirtualRadio:
    """A device's radio on an :class:`Air`; implements the Radio port."""

    description = "virtual"
    scan_mode = "virtual"
    silent_after_s = math.inf

    def __init__(self, air: Air, device: _Device, clock: Clock) -> None:
        """``clock`` is the device's own, which may be wrong; the air's is true."""
        self._air = air
        self._device = device
        self._clock = clock
        self._address = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.withdraw()

    async def prepare(self, valid_s: float) -> int | None:  # noqa: ARG002 - the port's
        """There is nothing to prepare, and the configured power is the true one."""
        return None

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Advertise ``advertising_data`` under a new non-resolvable private address."""
        await self.withdraw()
        first, *rest = self._device.random.randbytes(6)
        self._address = ":".join(f"{b:02X}" for b in (first & 0x3F, *rest))
        self._air.put(self._device, self._address, advertising_data)

    async def withdraw(self) -> None:
        """Stop advertising."""
        if self._address:
            self._air.put(self._device, self._address, None)
            self._address = ""

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Receive all devices in range, until cancelled."""
        while True:
            await asyncio.sleep(self._air.advert_interval_s)
            for advertising_data, rssi_dbm, sender in self._air.receptions(self._device):
                received(Advert(advertising_data, rssi_dbm, self._clock.now_s(), sender=sender))

    async def becomes_usable(self) -> None:
        """It is always usable."""

    async def power_cycle(self) -> None:
        """There is nothing to switch."""
