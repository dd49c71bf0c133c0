"""Bluezone (Vietnam, 2020): 12-byte identifiers of 15 minutes from SHA-256 chains.

Source: BluezoneGlobal/react-native-bluetooth-scan and its published constants. The app chains its days,
so that one published day reveals all later ones; our own daily keys are drawn independently, and entries
of others are walked along their chain. Both match alike, because an entry states its own start and end.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from bluezone_agent.core.frames import Frame
from bluezone_agent.core.identifiers import Beacon, DailyKey, IdentifierSlot, require_within
from bluezone_agent.errors import N_, MalformedPayloadError

SUB_KEY_SALT: Final = b"bluzonesubkey"
"""Spelt as published."""
ID_INDICES: Final = (0, 4, 8, 12, 16, 18, 20, 22, 24, 26, 28, 30)
"""The bytes of a 32-byte sub key that make up a Bluezone ID."""
COMPANY_ID: Final = 8885
SERVICE_UUID: Final = 0x4E56
ID_LENGTH: Final = len(ID_INDICES)


class Bluezone:
    """The protocol of the Bluezone app's Android broadcasts."""

    name = "bluezone"
    key_length = 32
    slots_per_day = 96
    service_uuid = SERVICE_UUID

    def slots(self, key: DailyKey) -> Iterator[IdentifierSlot]:
        """Yield the key's identifiers; past ``slots_per_day`` go on with the next day's chained key."""
        data, start = key.data, key.starts_at_s
        while start < key.ends_at_s:
            sub_key = sha256(data + SUB_KEY_SALT).digest()
            for _ in range(key.slots_per_day):
                if start >= key.ends_at_s:
                    return
                yield IdentifierSlot(_id_of(sub_key), start, start + key.slot_s)
                sub_key, start = sha256(sub_key).digest(), start + key.slot_s
            data = sha256(data).digest()

    def identifier_at(self, key: DailyKey, unix_s: float) -> IdentifierSlot:
        """Return the identifier on the air at ``unix_s``. Raises ValueError outside the key's span."""
        require_within(key, unix_s)
        return next(slot for slot in self.slots(key) if unix_s < slot.ends_at_s)

    def encode(self, key: DailyKey, slot: IdentifierSlot, tx_power_dbm: int) -> Frame:  # noqa: ARG002
        """Return the app's frame with a TX Power Level field added, which the app's receivers ignore."""
        return Frame(
            service_uuids=(SERVICE_UUID,),
            manufacturer_data={COMPANY_ID: slot.identifier},
            tx_power_dbm=tx_power_dbm,
        )

    def decode(self, frame: Frame) -> Beacon | None:
        """Read company 8885's data next to service 0x4E56; raises MalformedPayloadError on a wrong length."""
        identifier = frame.manufacturer_data.get(COMPANY_ID)
        if identifier is None or SERVICE_UUID not in frame.service_uuids:
            return None
        if len(identifier) != ID_LENGTH:
            raise MalformedPayloadError(
                N_("Bluezone frame with {found} bytes of identifier, {expected} expected"),
                found=len(identifier),
                expected=ID_LENGTH,
            )
        power = frame.tx_power_dbm
        return Beacon(self.name, identifier, b"" if power is None else power.to_bytes(1, "big", signed=True))

    def tx_power_dbm(self, key: DailyKey, beacon: Beacon) -> int | None:  # noqa: ARG002
        """Return the frame's TX Power Level; the app itself sends none."""
        return int.from_bytes(beacon.metadata, "big", signed=True) if beacon.metadata else None


def _id_of(sub_key: bytes) -> bytes:
    return bytes(sub_key[i] for i in ID_INDICES)
