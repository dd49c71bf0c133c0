"""A third protocol, for tests: what another scheme costs is this one file (and its line in the registry)."""

from __future__ import annotations

from hashlib import blake2b

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import DailyKey, IdentifierSlot, ObservedIdentifier, ProximityProtocol


class Toy(ProximityProtocol):
    """Identifiers of an hour: eight bytes of a keyed hash over the hour's start."""

    name = "toy"
    key_length = 20
    identifier_length = 8
    slots_per_day = 24
    service_uuid = 0x1234

    def identifiers(self, key: DailyKey) -> bytes:
        starts = range(key.starts_at_s, key.ends_at_s, key.slot_s)
        return b"".join(blake2b(s.to_bytes(8, "big"), key=key.data, digest_size=8).digest() for s in starts)

    def encode(self, key: DailyKey, slot: IdentifierSlot, tx_power_dbm: int) -> AdvertisingData:
        return AdvertisingData((self.service_uuid,), {self.service_uuid: slot.identifier}, tx_power_dbm=tx_power_dbm)

    def decode(self, advertising_data: AdvertisingData) -> ObservedIdentifier | None:
        data = advertising_data.service_data.get(self.service_uuid)
        return (
            None
            if data is None
            else ObservedIdentifier(self.name, data, bytes([(advertising_data.tx_power_dbm or 0) & 0xFF]))
        )

    def tx_power_dbm(self, key: DailyKey, observed: ObservedIdentifier) -> int | None:
        return int.from_bytes(observed.metadata, "big", signed=True)
