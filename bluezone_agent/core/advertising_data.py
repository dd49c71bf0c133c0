"""An advertisement's data as bytes and as parts (Bluetooth Core Specification Supplement, part A).

BlueZ exchanges the parts, a bare controller the bytes; protocols handle parts only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bluezone_agent.errors import N_, MalformedPayloadError

AD_FLAGS: Final = 0x01
AD_UUID16_INCOMPLETE: Final = 0x02
AD_UUID16_COMPLETE: Final = 0x03
AD_TX_POWER: Final = 0x0A
AD_SERVICE_DATA16: Final = 0x16
AD_MANUFACTURER: Final = 0xFF

LEGACY_DATA_LENGTH: Final = 31
"""The bytes of a legacy advertisement."""
EXTENDED_DATA_LENGTH: Final = 1650
"""The bytes of an extended advertisement, chained (Bluetooth Core Specification 5, volume 6 part B)."""


@dataclass(frozen=True, slots=True)
class AdvertisingData:
    """The parts of one advertisement that the protocols use; absent parts are empty or None."""

    service_uuids: tuple[int, ...] = ()
    """16-bit service UUIDs from the complete or incomplete list."""
    service_data: dict[int, bytes] = field(default_factory=dict)
    """16-bit service UUID → data."""
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    """Company identifier → data."""
    tx_power_dbm: int | None = None
    """TX Power Level field, int8 dBm."""
    flags: int | None = None
    """Flags field; many advertisements have none."""

    def __repr__(self) -> str:
        uuids = ", ".join(f"{u:#06x}" for u in self.service_uuids)
        return f"AdvertisingData([{uuids}], <identifier>)"

    def to_bytes(self, longest: int = LEGACY_DATA_LENGTH) -> bytes:
        """Return the AD structures in the order flags, UUID list, TX power, service data, manufacturer data.

        Raises ValueError when they have more than ``longest`` bytes.
        """
        parts: list[tuple[int, bytes]] = []
        if self.flags is not None:
            parts.append((AD_FLAGS, bytes([self.flags])))
        if self.service_uuids:
            parts.append((AD_UUID16_COMPLETE, b"".join(u.to_bytes(2, "little") for u in self.service_uuids)))
        if self.tx_power_dbm is not None:
            parts.append((AD_TX_POWER, self.tx_power_dbm.to_bytes(1, "little", signed=True)))
        parts += [(AD_SERVICE_DATA16, u.to_bytes(2, "little") + d) for u, d in self.service_data.items()]
        parts += [(AD_MANUFACTURER, c.to_bytes(2, "little") + d) for c, d in self.manufacturer_data.items()]
        data = b"".join(bytes([len(d) + 1, kind]) + d for kind, d in parts)
        if len(data) > longest:
            raise ValueError(f"advertising data of {len(data)} bytes does not fit {longest}")
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> AdvertisingData:
        """Read AD structures; unknown ones are skipped, zero padding ends the data.

        Raises MalformedPayloadError when a structure is longer than the data or shorter than its own header.
        """
        uuids: list[int] = []
        service_data: dict[int, bytes] = {}
        manufacturer_data: dict[int, bytes] = {}
        tx_power_dbm = flags = None
        for kind, value in _structures(data):
            if kind == AD_FLAGS and value:
                flags = value[0]
            elif kind in (AD_UUID16_COMPLETE, AD_UUID16_INCOMPLETE):
                uuids += [int.from_bytes(value[i : i + 2], "little") for i in range(0, len(value) - 1, 2)]
            elif kind == AD_TX_POWER and len(value) == 1:
                tx_power_dbm = int.from_bytes(value, "little", signed=True)
            elif kind == AD_SERVICE_DATA16 and len(value) >= 2:
                service_data[int.from_bytes(value[:2], "little")] = value[2:]
            elif kind == AD_MANUFACTURER and len(value) >= 2:
                manufacturer_data[int.from_bytes(value[:2], "little")] = value[2:]
        return cls(tuple(uuids), service_data, manufacturer_data, tx_power_dbm, flags)


def _structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data) and data[at]:
        length = data[at]
        if at + 1 + length > len(data):
            raise MalformedPayloadError(
                N_("the advertising structure at byte {at} declares {length} bytes, but only {left} are left"),
                at=at,
                length=length,
                left=len(data) - at - 1,
            )
        yield data[at + 1], data[at + 2 : at + 1 + length]
        at += 1 + length
