"""What every proximity protocol has in common: daily keys, identifiers with their validity, and beacons.

A protocol is one file with a :class:`ProximityProtocol` and one line in ``protocols.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import ClassVar, NamedTuple

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.intervals import DAY_S


class DailyKey(NamedTuple):
    """A secret from which a protocol derives the identifiers of a span of time.

    Own keys start at a UTC midnight and end at the next one, or where they were cut. Published keys have
    the span that their publisher states; a chained Bluezone entry may span several days. A tuple, because a
    case file may hold a million of them.
    """

    protocol: str
    data: bytes
    starts_at_s: int
    """Unix seconds; slots are counted from here."""
    ends_at_s: int
    """Unix seconds, exclusive."""
    slots_per_day: int

    def __repr__(self) -> str:
        return f"DailyKey({self.protocol}, <secret>, {self.starts_at_s}..{self.ends_at_s})"

    @property
    def slot_s(self) -> int:
        """Whole seconds that one identifier is on the air; exact for own keys, whose slots divide the day."""
        return DAY_S // self.slots_per_day

    @property
    def slots(self) -> int:
        """How many slots start within the span."""
        days, rest_s = divmod(self.ends_at_s - self.starts_at_s, DAY_S)
        return days * self.slots_per_day - (-rest_s * self.slots_per_day // DAY_S)

    def slot_at(self, unix_s: float) -> int:
        """Return the number of the slot that contains ``unix_s``; 0 is the key's first."""
        day, rest_s = divmod(int(unix_s - self.starts_at_s), DAY_S)
        return day * self.slots_per_day + ((rest_s + 1) * self.slots_per_day - 1) // DAY_S

    def start_of_slot_s(self, number: int) -> int:
        """Return when a slot begins: each day has ``slots_per_day``, whether or not they divide it."""
        day, slot = divmod(number, self.slots_per_day)
        return self.starts_at_s + day * DAY_S + slot * DAY_S // self.slots_per_day

    def slot_start_s(self, unix_s: float) -> int:
        """Return when the slot that contains ``unix_s`` began."""
        return self.start_of_slot_s(self.slot_at(unix_s))


def key_digest(data: bytes) -> str:
    """Return by what a key is known without its secret: SHA-256 of it, hex."""
    return sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class IdentifierSlot:
    """An identifier and when it is on the air: ``starts_at_s <= t < ends_at_s``, Unix seconds."""

    identifier: bytes
    starts_at_s: int
    ends_at_s: int

    def __repr__(self) -> str:
        return f"IdentifierSlot(<identifier>, {self.starts_at_s}..{self.ends_at_s})"


class ObservedIdentifier(NamedTuple):
    """What one frame says of its sender. A tuple, because every packet that is heard makes and looks up one."""

    protocol: str
    identifier: bytes
    metadata: bytes
    """The protocol's own further bytes (GAEN: the encrypted metadata; Bluezone: TX power as int8, or empty)."""

    def __repr__(self) -> str:
        return f"ObservedIdentifier({self.protocol}, <identifier>)"


class ReportType(IntEnum):
    """Why a key was published (GAEN key export, field report_type)."""

    UNKNOWN = 0
    CONFIRMED_TEST = 1
    CONFIRMED_CLINICAL_DIAGNOSIS = 2
    SELF_REPORT = 3
    RECURSIVE = 4
    """Not a case, but a person who was near one: F1 in Vietnam's words."""
    REVOKED = 5


class DiagnosisKey(NamedTuple):
    """A published daily key of a case (F0) or of a contact of a case (F1)."""

    key: DailyKey
    report_type: ReportType = ReportType.CONFIRMED_TEST
    days_since_onset: int | None = None
    """Days from the onset of symptoms to the key's day, -14..14; None when not said."""


class ProximityProtocol(ABC):
    """How one proximity scheme derives, frames and reads identifiers."""

    name: ClassVar[str]
    """Name in the configuration, the store and case files."""
    key_length: ClassVar[int]
    """Bytes of a daily key."""
    identifier_length: ClassVar[int]
    """Bytes of an identifier, at least 8."""
    slots_per_day: ClassVar[int]
    """Identifiers that one of our own keys has a day."""
    service_uuid: ClassVar[int]
    """16-bit UUID that every frame of the protocol lists; radios filter by it."""

    @abstractmethod
    def identifiers(self, key: DailyKey) -> bytes:
        """Return the identifiers of every slot that starts within the key's span, in order, without a gap between."""

    @abstractmethod
    def encode(self, key: DailyKey, slot: IdentifierSlot, tx_power_dbm: int) -> AdvertisingData:
        """Return the frame that carries the slot's identifier and ``tx_power_dbm`` (int8)."""

    @abstractmethod
    def decode(self, advertising_data: AdvertisingData) -> ObservedIdentifier | None:
        """Read a frame; None when it is not of this protocol.

        Raises MalformedPayloadError when it claims to be and is not well formed.
        """

    @abstractmethod
    def tx_power_dbm(self, key: DailyKey, observed: ObservedIdentifier) -> int | None:
        """Return the transmit power that the sender of a beacon matched to ``key`` states, None if unknown."""

    def slots(self, key: DailyKey) -> Iterator[IdentifierSlot]:
        """Yield every identifier of ``key`` with its validity, in order."""
        derived = self.identifiers(key)
        for number in range(len(derived) // self.identifier_length):
            yield self.slot(key, derived, number)

    def slot(self, key: DailyKey, derived: bytes, number: int) -> IdentifierSlot:
        """Return slot ``number`` of ``key``, cut out of its ``derived`` identifiers."""
        at = number * self.identifier_length
        identifier = derived[at : at + self.identifier_length]
        return IdentifierSlot(identifier, key.start_of_slot_s(number), key.start_of_slot_s(number + 1))

    def identifier_at(self, key: DailyKey, unix_s: float) -> IdentifierSlot:
        """Return the identifier of ``key`` on the air at ``unix_s``. Raises ValueError outside its span."""
        if not key.starts_at_s <= unix_s < key.ends_at_s:
            raise ValueError(f"{unix_s} is outside the key's span {key.starts_at_s}..{key.ends_at_s}")
        return self.slot(key, self.identifiers(key), key.slot_at(unix_s))
