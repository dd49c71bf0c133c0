"""People whom a device met, by the published formulas and the library alone: none of the agent's own derivation."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.stores.store import Store
from tests.program import Program

DAY_S: Final = 86_400
TX_POWER_DBM: Final = -10
RSSI_DBM: Final = -45
BLUEZONE_BYTES: Final = (0, 4, 8, 12, 16, 18, 20, 22, 24, 26, 28, 30)


FINAL_AFTER_S: Final = 2 * 3600
"""A key's identifiers may be received for so long after its end; until then its file is pending."""


def newest_final_day_s() -> int:
    """Return the start of the newest UTC day whose keys are final, whenever the tests run."""
    return int(time.time() - FINAL_AFTER_S - 60) // DAY_S * DAY_S - DAY_S


def gaen_minutes(tek: bytes, at_s: int, minutes: int = 20) -> list[ContactMinute]:
    """Return minutes near the owner of a Temporary Exposure Key from ``at_s`` on."""
    return [_minute(_gaen(tek, t), t) for t in range(at_s, at_s + minutes * 60, 60)]


def bluezone_ids(key: bytes, slots_per_day: int, day: int = 0) -> list[bytes]:
    """Return the identifiers of a day of a chain, counted from its first day."""
    for _ in range(day):
        key = hashlib.sha256(key).digest()
    found, sub_key = [], hashlib.sha256(key + b"bluzonesubkey").digest()
    for _ in range(slots_per_day):
        found.append(bytes(sub_key[i] for i in BLUEZONE_BYTES))
        sub_key = hashlib.sha256(sub_key).digest()
    return found


def bluezone_minute(identifier: bytes, at_s: float) -> ContactMinute:
    """Return a minute near whoever has a Bluezone ID."""
    return _minute(ObservedIdentifier("bluezone", identifier, b""), at_s)


def plant(program: Program, minutes: Iterable[ContactMinute]) -> None:
    """Put minutes into a device's store."""
    with Store(program.state_dir) as store, store.transaction():
        store.contacts.add(sorted(minutes, key=lambda m: m.minute))


def _gaen(tek: bytes, at_s: int) -> ObservedIdentifier:
    block = b"EN-RPI" + bytes(6) + (at_s // 600).to_bytes(4, "little")
    rpi = Cipher(AES128(_derived(tek, b"EN-RPIK")), ECB()).encryptor().update(block)
    metadata = bytes([0x40, TX_POWER_DBM & 0xFF, 0, 0])
    aem = Cipher(AES128(_derived(tek, b"EN-AEMK")), CTR(rpi)).encryptor().update(metadata)
    return ObservedIdentifier("gaen", rpi, aem)


def _derived(tek: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 16, None, info).derive(tek)


def _minute(observed: ObservedIdentifier, at_s: float) -> ContactMinute:
    minute, histogram = int(at_s) // 60, {RSSI_DBM // 3: 30}
    return ContactMinute(observed, minute, 30, float(RSSI_DBM), RSSI_DBM - 1, RSSI_DBM + 1, histogram, trusted=True)
