"""A phone with an Exposure Notification app on the virtual air: it changes identifier and address at once.

Exposure Notification Bluetooth specification v1.2: both change together, every 10 to 20 minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

import msgspec

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.gaen import Gaen
from bluezone_agent.core.identifiers import DailyKey, IdentifierSlot
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.radios.simulated.air import Air, Motion
from bluezone_agent.trials.plan import TrialDevice, TrialPlan

PHONE_DBM: Final = -22.0
"""Weaker than a computer's adapter."""
SHORTEST_S, LONGEST_S = 600.0, 1200.0


class SimulatedPhone:
    """One phone; its times are seconds since the trial began."""

    def __init__(self, device: TrialDevice, seed: int) -> None:
        self._device = device
        self._random = Random(f"{seed}/{device.id}/phone")
        self._ends_s: list[float] = []
        self._key = DailyKey(Gaen.name, self._random.randbytes(Gaen.key_length), 0, DAY_S, Gaen.slots_per_day)
        self._protocol = Gaen()
        self._identifiers = self._protocol.identifiers(self._key)

    def _number_at(self, since_s: float) -> int:
        if self._device.identifier:
            return 0
        while not self._ends_s or self._ends_s[-1] <= since_s:
            last_s = self._ends_s[-1] if self._ends_s else 0.0
            self._ends_s.append(last_s + self._random.uniform(SHORTEST_S, LONGEST_S))
        return next(number for number, ends_s in enumerate(self._ends_s) if since_s < ends_s)

    def advertising_data_at(self, since_s: float) -> AdvertisingData:
        """Return what it advertises."""
        if self._device.identifier:
            identifier = bytes.fromhex(self._device.identifier)
            protocol = next(p for p in PROTOCOLS.values() if p.identifier_length == len(identifier))
            key = DailyKey(protocol.name, bytes(protocol.key_length), 0, DAY_S, protocol.slots_per_day)
            return protocol.encode(key, IdentifierSlot(identifier, 0, DAY_S), round(PHONE_DBM))
        slot = self._protocol.slot(self._key, self._identifiers, self._number_at(since_s) % Gaen.slots_per_day)
        return self._protocol.encode(self._key, slot, round(PHONE_DBM))

    def address_at(self, since_s: float) -> str:
        """Return its address: at first the plan's, if it has one."""
        number = self._number_at(since_s)
        if number == 0 and self._device.address:
            return self._device.address
        random = Random(f"{self._key.data.hex()}/{number}")
        first, *rest = random.randbytes(6)
        return ":".join(f"{byte:02X}" for byte in (first & 0x3F | 0x40, *rest))


def with_addresses(plan: TrialPlan) -> TrialPlan:
    """Return a plan in which the phones have addresses: nobody is there to hold them to a device for a minute."""
    devices = tuple(
        device
        if device.runs or device.address or device.identifier
        else msgspec.structs.replace(device, address=SimulatedPhone(device, plan.trial.seed).address_at(0.0))
        for device in plan.devices
    )
    return msgspec.structs.replace(plan, devices=devices)


def add_phones(air: Air, plan: TrialPlan, motion: Callable[[str], Motion], began_s: Callable[[], float | None]) -> None:
    """Put the devices that do not run the agent on the air; ``began_s`` returns when the trial began, true time."""
    for device in plan.devices:
        if not device.runs:
            _add_phone(air, SimulatedPhone(device, plan.trial.seed), motion(device.id), began_s)


def _add_phone(air: Air, phone: SimulatedPhone, motion: Motion, began_s: Callable[[], float | None]) -> None:
    def since_s(unix_s: float) -> float:
        start_s = began_s()
        return 0.0 if start_s is None else unix_s - start_s

    air.observed(
        motion,
        lambda unix_s: phone.advertising_data_at(since_s(unix_s)),
        tx_power_dbm=PHONE_DBM,
        address_at=lambda unix_s: phone.address_at(since_s(unix_s)),
    )
