"""Google/Apple Exposure Notification: cryptography specification v1.2, Bluetooth specification v1.2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bluezone_agent.core.frames import Frame
from bluezone_agent.core.identifiers import Beacon, DailyKey, IdentifierSlot, require_within
from bluezone_agent.core.intervals import ENIN_S, Enin, enin_at
from bluezone_agent.errors import N_, MalformedPayloadError

SERVICE_UUID: Final = 0xFD6F
RPI_LENGTH: Final = 16
AEM_LENGTH: Final = 4
METADATA_V1_0: Final = 0x40
"""Version 1.0: major version in the two highest bits, minor in the next two, the rest zero."""
TX_POWER_BOUNDS_DBM: Final = (-50, 20)
"""A stated power outside is not believed: the metadata is malleable (exposure-notifications-internals)."""


class Gaen:
    """Exposure Notification."""

    name = "gaen"
    key_length = 16
    slots_per_day = 144
    service_uuid = SERVICE_UUID

    def slots(self, key: DailyKey) -> Iterator[IdentifierSlot]:
        """Yield the Rolling Proximity Identifiers of a Temporary Exposure Key."""
        first, last = enin_at(key.starts_at_s), enin_at(key.ends_at_s + ENIN_S - 1)
        blocks = b"".join(_padded_data(Enin(enin)) for enin in range(first, last))
        rpis = _aes_ecb(_derived(key.data, b"EN-RPIK"), blocks)
        for i, enin in enumerate(range(first, last)):
            yield IdentifierSlot(rpis[16 * i : 16 * i + 16], enin * ENIN_S, (enin + 1) * ENIN_S)

    def identifier_at(self, key: DailyKey, unix_s: float) -> IdentifierSlot:
        """Return the identifier on the air at ``unix_s``. Raises ValueError outside the key's span."""
        require_within(key, unix_s)
        enin = enin_at(unix_s)
        rpi = _aes_ecb(_derived(key.data, b"EN-RPIK"), _padded_data(enin))
        return IdentifierSlot(rpi, enin * ENIN_S, (enin + 1) * ENIN_S)

    def encode(self, key: DailyKey, slot: IdentifierSlot, tx_power_dbm: int) -> Frame:
        """Return service data RPI || AEM; raises OverflowError when the power is no int8."""
        metadata = bytes([METADATA_V1_0]) + tx_power_dbm.to_bytes(1, "big", signed=True) + b"\x00\x00"
        data = slot.identifier + _aes_ctr(key.data, slot.identifier, metadata)
        return Frame(service_uuids=(SERVICE_UUID,), service_data={SERVICE_UUID: data})

    def decode(self, frame: Frame) -> Beacon | None:
        """Read service data of 0xFD6F; raises MalformedPayloadError unless it has exactly 20 bytes."""
        data = frame.service_data.get(SERVICE_UUID)
        if data is None:
            return None
        if len(data) != RPI_LENGTH + AEM_LENGTH:
            raise MalformedPayloadError(
                N_("Exposure Notification frame with {found} bytes of service data, {expected} expected"),
                found=len(data),
                expected=RPI_LENGTH + AEM_LENGTH,
            )
        return Beacon(self.name, data[:RPI_LENGTH], data[RPI_LENGTH:])

    def tx_power_dbm(self, key: DailyKey, beacon: Beacon) -> int | None:
        """Decrypt the metadata; None unless its major version is 1 and the power lies within bounds."""
        metadata = _aes_ctr(key.data, beacon.identifier, beacon.metadata)
        power = int.from_bytes(metadata[1:2], "big", signed=True)
        low, high = TX_POWER_BOUNDS_DBM
        return power if metadata[0] >> 6 == 1 and low <= power <= high else None


def _padded_data(enin: Enin) -> bytes:
    return b"EN-RPI" + bytes(6) + enin.to_bytes(4, "little")


def _derived(tek: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), length=16, salt=None, info=info).derive(tek)


def _aes_ecb(key: bytes, blocks: bytes) -> bytes:
    # One AES block an identifier is what the specification asks for; nothing is ever chained or repeated.
    return Cipher(AES128(key), ECB()).encryptor().update(blocks)  # noqa: S305


def _aes_ctr(tek: bytes, rpi: bytes, data: bytes) -> bytes:
    return Cipher(AES128(_derived(tek, b"EN-AEMK")), CTR(rpi)).encryptor().update(data)
