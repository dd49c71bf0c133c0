"""Bluezone (Vietnam, 2020): 12-byte identifiers of 15 minutes each, from SHA-256 chains.

Source: BluezoneGlobal/react-native-bluetooth-scan and its published constants. The app chains its days, so that one
published day reveals all later ones; this program draws its daily keys independently, and follows the chain for
published entries. Both match the same way, because an entry states its own start and end.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import DailyKey, IdentifierSlot, ObservedIdentifier, ProximityProtocol
from bluezone_agent.errors import N_, MalformedPayloadError

SUB_KEY_SALT: Final = b"bluzonesubkey"
"""Spelt as published."""
ID_INDICES: Final = (0, 4, 8, 12, 16, 18, 20, 22, 24, 26, 28, 30)
"""The bytes of a 32-byte sub key that make up a Bluezone ID."""
COMPANY_ID: Final = 8885
SERVICE_UUID: Final = 0x4E56
FLAGS: Final = 0x02
"""LE General Discoverable Mode, which Android puts before the app's data. A radio may have its own flags."""
SUB_KEY_LENGTH: Final = 32


class Bluezone(ProximityProtocol):
    """The protocol of the Bluezone app's Android advertisements."""

    name = "bluezone"
    key_length = 32
    identifier_length = len(ID_INDICES)
    slots_per_day = 96
    service_uuid = SERVICE_UUID

    def identifiers(self, key: DailyKey) -> bytes:
        """Return the key's Bluezone IDs; after ``slots_per_day`` they continue with the next day's chained key."""
        count = key.slots
        sub_keys: list[bytes] = []
        data = key.data
        while len(sub_keys) < count:
            sub_keys += _chain(sha256(data + SUB_KEY_SALT).digest(), min(key.slots_per_day, count - len(sub_keys)))
            data = sha256(data).digest()
        return _ids_of(b"".join(sub_keys))

    def encode(self, key: DailyKey, slot: IdentifierSlot, tx_power_dbm: int) -> AdvertisingData:  # noqa: ARG002
        """Return the app's advertising data plus a TX Power Level field, which the app's receivers ignore."""
        return AdvertisingData(
            service_uuids=(SERVICE_UUID,),
            manufacturer_data={COMPANY_ID: slot.identifier},
            tx_power_dbm=tx_power_dbm,
            flags=FLAGS,
        )

    def decode(self, advertising_data: AdvertisingData) -> ObservedIdentifier | None:
        """Read company 8885's data next to service 0x4E56; raises MalformedPayloadError on a wrong length."""
        identifier = advertising_data.manufacturer_data.get(COMPANY_ID)
        if identifier is None or SERVICE_UUID not in advertising_data.service_uuids:
            return None
        if len(identifier) != self.identifier_length:
            raise MalformedPayloadError(
                N_("Bluezone advertisement with an identifier of {found} bytes; {expected} expected"),
                found=len(identifier),
                expected=self.identifier_length,
            )
        power = advertising_data.tx_power_dbm
        return ObservedIdentifier(
            self.name, identifier, b"" if power is None else power.to_bytes(1, "big", signed=True)
        )

    def tx_power_dbm(self, key: DailyKey, observed: ObservedIdentifier) -> int | None:  # noqa: ARG002
        """Return the TX Power Level of the advertisement; the app itself sends none."""
        return self.open_tx_power_dbm(observed)

    def open_tx_power_dbm(self, observed: ObservedIdentifier) -> int | None:
        """Return the same: nothing in the advertisement is encrypted."""
        return int.from_bytes(observed.metadata, "big", signed=True) if observed.metadata else None


def _chain(sub_key: bytes, count: int) -> list[bytes]:
    chain = [sub_key]
    for _ in range(count - 1):
        sub_key = sha256(sub_key).digest()
        chain.append(sub_key)
    return chain


def _ids_of(sub_keys: bytes) -> bytes:
    """Pick the ID's bytes out of consecutive sub keys: all first bytes, all second bytes, …"""
    ids = bytearray(len(sub_keys) // SUB_KEY_LENGTH * len(ID_INDICES))
    for at, index in enumerate(ID_INDICES):
        ids[at :: len(ID_INDICES)] = sub_keys[index::SUB_KEY_LENGTH]
    return bytes(ids)
