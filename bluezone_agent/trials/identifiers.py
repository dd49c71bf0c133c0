"""The identifiers of a trial: every device derives those of all devices from the trial's one secret."""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bluezone_agent.core.identifiers import DailyKey, IdentifierSlot, ObservedIdentifier
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.trials.plan import TrialPlan

SECRET_LENGTH: Final = 32
INFO: Final = b"bluezone-agent trial"
CLOCK_ERROR_S: Final = 7200.0
"""By how much the clocks of two devices may differ for their identifiers to be known."""


class Known(NamedTuple):
    """Whose identifier was received, and its number: they are counted from the Unix epoch."""

    device: str
    rotation: int
    stated_dbm: int | None
    """The transmit power that the advertisement states."""


class TrialIdentifiers:
    """Derives and finds identifiers. They are those of the real protocol, whose keys are the trial's.

    With the protocol's own rotation a key lasts one UTC day; with a shorter one as many identifiers of it follow each
    other, so that it ends earlier.
    """

    def __init__(self, plan: TrialPlan, secret: bytes) -> None:
        self.protocol = PROTOCOLS[plan.trial.protocol]
        self.rotation_s = plan.radio.rotation_s or DAY_S / self.protocol.slots_per_day
        self._secret = secret
        self._devices = [device.id for device in plan.devices if device.broadcasts and device.runs]
        self._table: dict[bytes, tuple[str, int, DailyKey]] = {}
        self._keys = range(0)
        """The numbers of the keys in the table."""

    def __repr__(self) -> str:
        return f"TrialIdentifiers({self.protocol.name}, <secret>)"

    def rotation_at(self, unix_s: float) -> int:
        """Return the number of the identifier that is advertised at ``unix_s``."""
        return int(unix_s // self.rotation_s)

    def slot(self, device: str, rotation: int) -> tuple[DailyKey, IdentifierSlot]:
        """Return the identifier of a device by its number, and its key."""
        number, slot = divmod(rotation, self.protocol.slots_per_day)
        key = self._key(device, number)
        return key, self.protocol.slot(key, self.protocol.identifiers(key), slot)

    def find(self, observed: ObservedIdentifier, unix_s: float) -> Known | None:
        """Return whose identifier was received at ``unix_s``, None for a stranger's."""
        if (number := self._number(unix_s)) not in self._keys or number in (self._keys[0], self._keys[-1]):
            self._fill(number)
        found = self._table.get(observed.identifier)
        if found is None:
            return None
        device, rotation, key = found
        return Known(device, rotation, self.protocol.tx_power_dbm(key, observed))

    def _number(self, unix_s: float) -> int:
        return self.rotation_at(unix_s) // self.protocol.slots_per_day

    def _fill(self, number: int) -> None:
        slots = self.protocol.slots_per_day
        each_way = ceil(CLOCK_ERROR_S / (slots * self.rotation_s)) + 1
        self._keys = range(max(0, number - each_way), number + each_way + 1)
        self._table = {
            slot.identifier: (device, number * slots + at, key)
            for number in self._keys
            for device in self._devices
            for key in (self._key(device, number),)
            for at, slot in enumerate(self.protocol.slots(key))
        }

    def _key(self, device: str, number: int) -> DailyKey:
        info = b"/".join((INFO, self.protocol.name.encode(), device.encode(), str(number).encode()))
        data = HKDF(SHA256(), self.protocol.key_length, salt=None, info=info).derive(self._secret)
        return DailyKey(self.protocol.name, data, number * DAY_S, (number + 1) * DAY_S, self.protocol.slots_per_day)
