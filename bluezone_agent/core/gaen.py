"""Google/Apple Exposure Notification: cryptography specification v1.2, Bluetooth specification v1.2."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import DailyKey, IdentifierSlot, ObservedIdentifier, ProximityProtocol
from bluezone_agent.core.intervals import Enin, enin_at
from bluezone_agent.errors import N_, MalformedPayloadError

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

SERVICE_UUID: Final = 0xFD6F
FLAGS: Final = 0x1A
"""As in the Bluetooth specification v1.2. A radio may have its own flags."""
AEM_LENGTH: Final = 4
INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))
"""Translation tables for HMAC's pads."""
HALF_INNER_PAD: Final = b"\x36" * 32
HALF_OUTER_PAD: Final = b"\x5c" * 32
"""What follows a 32-byte key in its 64-byte block."""
NO_SALT_INNER: Final = sha256(HALF_INNER_PAD * 2)
NO_SALT_OUTER: Final = sha256(HALF_OUTER_PAD * 2)
METADATA_V1_0: Final = 0x40
"""Version 1.0: major version in the two highest bits, minor in the next two, the rest zero."""
TX_POWER_BOUNDS_DBM: Final = (-50, 20)
"""A stated power outside these bounds is ignored: the metadata is malleable (exposure-notifications-internals)."""


class Gaen(ProximityProtocol):
    """Exposure Notification."""

    name = "gaen"
    key_length = 16
    identifier_length = 16
    slots_per_day = 144
    service_uuid = SERVICE_UUID

    def identifiers(self, key: DailyKey) -> bytes:
        """Return the Rolling Proximity Identifiers of a Temporary Exposure Key: one AES-ECB call over all blocks."""
        count = key.slots
        blocks = _padded_data(enin_at(key.starts_at_s), count)
        # one AES block per identifier is what the specification asks for; blocks are never chained or repeated
        return Cipher(AES128(_derived(key.data, b"EN-RPIK")), ECB()).encryptor().update(blocks)  # noqa: S305

    def encode(self, key: DailyKey, slot: IdentifierSlot, tx_power_dbm: int) -> AdvertisingData:
        """Return service data RPI || AEM; raises OverflowError when the power is not an int8."""
        metadata = bytes([METADATA_V1_0]) + tx_power_dbm.to_bytes(1, "big", signed=True) + b"\x00\x00"
        data = slot.identifier + _aes_ctr(key.data, slot.identifier, metadata)
        return AdvertisingData(service_uuids=(SERVICE_UUID,), service_data={SERVICE_UUID: data}, flags=FLAGS)

    def decode(self, advertising_data: AdvertisingData) -> ObservedIdentifier | None:
        """Read service data of 0xFD6F; raises MalformedPayloadError unless it has exactly 20 bytes."""
        data = advertising_data.service_data.get(SERVICE_UUID)
        if data is None:
            return None
        if len(data) != self.identifier_length + AEM_LENGTH:
            raise MalformedPayloadError(
                N_("Exposure Notification advertisement with {found} bytes of service data; {expected} expected"),
                found=len(data),
                expected=self.identifier_length + AEM_LENGTH,
            )
        return ObservedIdentifier(self.name, data[: self.identifier_length], data[self.identifier_length :])

    def tx_power_dbm(self, key: DailyKey, observed: ObservedIdentifier) -> int | None:
        """Decrypt the metadata; None unless its major version is 1 and the power lies within bounds."""
        metadata = _aes_ctr(key.data, observed.identifier, observed.metadata)
        power = int.from_bytes(metadata[1:2], "big", signed=True)
        low, high = TX_POWER_BOUNDS_DBM
        return power if metadata[0] >> 6 == 1 and low <= power <= high else None


@lru_cache(maxsize=1024)  # most keys of a day share their blocks, 14 days are published; 2 KiB each
def _padded_data(first: Enin, count: int) -> bytes:
    """PaddedData of ``count`` consecutive intervals."""
    return b"".join(b"EN-RPI" + bytes(6) + enin.to_bytes(4, "little") for enin in range(first, first + count))


def _derived(tek: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 without salt, 16 bytes (RFC 5869), with precomputed states of its constant first blocks.

    Four short hashes instead of a library's objects: a key export needs a million of these.
    """
    prk = _hmac(NO_SALT_INNER, NO_SALT_OUTER, tek)
    inner, outer = sha256(prk.translate(INNER_PAD) + HALF_INNER_PAD), sha256(prk.translate(OUTER_PAD) + HALF_OUTER_PAD)
    return _hmac(inner, outer, info + b"\x01")[:16]


def _hmac(inner: HASH, outer: HASH, message: bytes) -> bytes:
    """HMAC (RFC 2104) from the states after its padded key; they are not modified."""
    inner, outer = inner.copy(), outer.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


def _aes_ctr(tek: bytes, rpi: bytes, data: bytes) -> bytes:
    return Cipher(AES128(_derived(tek, b"EN-AEMK")), CTR(rpi)).encryptor().update(data)
