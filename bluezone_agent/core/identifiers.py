"""What all proximity protocols have in common: daily keys, identifiers with their validity, and observed identifiers.

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

    This device's keys start at a UTC midnight and end at the next one, or earlier when they are ended early. Published
    keys have the span that their publisher states; a chained Bluezone entry may span several days. It is a tuple,
    because a diagnosis key file may contain a million of them.
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
        """Whole seconds for which one identifier is advertised; exact for own keys, whose slots divide the day."""
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
        """Return the start of a slot: each day has ``slots_per_day`` of them, whether or not they divide it."""
        day, slot = divmod(number, self.slots_per_day)
        return self.starts_at_s + day * DAY_S + slot * DAY_S // self.slots_per_day

    def slot_start_s(self, unix_s: float) -> int:
        """Return the start of the slot that contains ``unix_s``."""
        return self.start_of_slot_s(self.slot_at(unix_s))


def key_digest(data: bytes) -> str:
    """Return what identifies a key without its secret: SHA-256 of the secret, hex."""
    return sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class IdentifierSlot:
    """An identifier and when it is valid: ``starts_at_s <= t < ends_at_s``, Unix seconds."""

    identifier: bytes
    starts_at_s: int
    ends_at_s: int

    def __repr__(self) -> str:
        return f"IdentifierSlot(<identifier>, {self.starts_at_s}..{self.ends_at_s})"


class ObservedIdentifier(NamedTuple):
    """What one advertisement says about its sender. A tuple, because each received packet creates and looks up one."""

    protocol: str
    identifier: bytes
    metadata: bytes
    """The protocol's further bytes (GAEN: the encrypted metadata; Bluezone: TX power as int8, or empty)."""

    def __repr__(self) -> str:
        return f"ObservedIdentifier({self.protocol}, <identifier>)"


class ReportType(IntEnum):
    """Why a key was published (GAEN key export, field report_type)."""

    UNKNOWN = 0
    CONFIRMED_TEST = 1
    CONFIRMED_CLINICAL_DIAGNOSIS = 2
    SELF_REPORT = 3
    RECURSIVE = 4
    """Not a case, but a contact of one: F1 in Vietnam's scheme."""
    REVOKED = 5


class DiagnosisKey(NamedTuple):
    """A published daily key of a case (F0) or of a contact of a case (F1)."""

    key: DailyKey
    report_type: ReportType = ReportType.CONFIRMED_TEST
    days_since_onset: int | None = None
    """Days from the onset of symptoms to the key's day, -14..14; None when not stated."""


class ProximityProtocol(ABC):
    """How one proximity scheme derives, encodes and decodes identifiers."""

    name: ClassVar[str]
    """The name in the configuration, the store and diagnosis key files."""
    key_length: ClassVar[int]
    """Bytes of a daily key."""
    identifier_length: ClassVar[int]
    """Bytes of an identifier, at least 8."""
    slots_per_day: ClassVar[int]
    """Identifiers per day of one of this device's keys."""
    service_uuid: ClassVar[int]
    """16-bit UUID that every advertisement of the protocol lists; radios filter by it."""

    @abstractmethod
    def identifiers(self, key: DailyKey) -> bytes:
        """Return the identifiers of all slots that start within the key's span, in order, without gaps."""

    @abstractmethod
    def encode(self, key: DailyKey, slot: IdentifierSlot, tx_power_dbm: int) -> AdvertisingData:
        """Return the advertising data with the slot's identifier and ``tx_power_dbm`` (int8)."""

    @abstractmethod
    def decode(self, advertising_data: AdvertisingData) -> ObservedIdentifier | None:
        """Read advertising data; None when it does not belong to this protocol.

        Raises MalformedPayloadError when it claims to belong to it and is malformed.
        """

    @abstractmethod
    def tx_power_dbm(self, key: DailyKey, observed: ObservedIdentifier) -> int | None:
        """Return the transmit power stated by the sender of an identifier matched to ``key``, None if unknown."""

    def open_tx_power_dbm(self, observed: ObservedIdentifier) -> int | None:  # noqa: ARG002 - not every protocol can
        """Return the transmit power that everybody can read in the advertisement; None if only a key reveals it."""
        return None

    def slots(self, key: DailyKey) -> Iterator[IdentifierSlot]:
        """Yield every identifier of ``key`` with its validity, in order."""
        derived = self.identifiers(key)
        for number in range(len(derived) // self.identifier_length):
            yield self.slot(key, derived, number)

    def slot(self, key: DailyKey, derived: bytes, number: int) -> IdentifierSlot:
        """Return slot ``number`` of ``key``, taken from its ``derived`` identifiers."""
        at = number * self.identifier_length
        identifier = derived[at : at + self.identifier_length]
        return IdentifierSlot(identifier, key.start_of_slot_s(number), key.start_of_slot_s(number + 1))

    def identifier_at(self, key: DailyKey, unix_s: float) -> IdentifierSlot:
        """Return the identifier of ``key`` that is valid at ``unix_s``. Raises ValueError outside its span."""
        if not key.starts_at_s <= unix_s < key.ends_at_s:
            raise ValueError(f"{unix_s} is outside the key's span {key.starts_at_s}..{key.ends_at_s}")
        return self.slot(key, self.identifiers(key), key.slot_at(unix_s))
