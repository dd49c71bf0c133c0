"""What every case file comes to, whatever its format: keys that are believed, and a count of those that are not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import N_

KEY_LIFE_DAYS: Final = 14
"""Days after its end during which a key is worth publishing: nobody keeps contacts for longer."""
ONSET_DAYS: Final = range(-14, 15)
"""Days since onset that mean something; others are left out (cocoa#639: such a key must not cost the file)."""


class KeyFault(StrEnum):
    """Why a key is left out; the file's other keys stand."""

    MALFORMED = N_("malformed")
    PROTOCOL = N_("of a protocol that is not published here")
    LENGTH = N_("wrong length of the key")
    SPAN = N_("impossible span of time")
    MISALIGNED = N_("does not start at a UTC midnight")
    FUTURE = N_("starts after its publication")
    OLD = N_("ended more than 14 days before its publication")


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A verified case file."""

    protocol: str
    keys: tuple[DiagnosisKey, ...]
    """At most one for each key's data."""
    revoked: tuple[bytes, ...]
    """Data of keys that were published by mistake and must not match, in whatever file they are."""
    dropped: tuple[tuple[str, int], ...]
    """How many keys were left out for which :class:`KeyFault`."""
    digest: str
    """SHA-256 of the signed bytes, hex."""
    published_at_s: int | None
    """When its authority published it, Unix seconds; None when the file does not say."""


class Sieve:
    """Gathers the entries of one file; those at fault are counted and left out."""

    def __init__(self, protocol: str, published_at_s: float) -> None:
        self._protocol = protocol
        self._published_at_s = published_at_s
        self._keys: dict[bytes, DiagnosisKey] = {}
        self._revoked: set[bytes] = set()
        self._dropped: Counter[str] = Counter()

    def drop(self, fault: KeyFault) -> None:
        """Count an entry that is no key."""
        self._dropped[fault] += 1

    def add(self, diagnosis: DiagnosisKey) -> None:
        """Keep a key, in place of an earlier entry of the same key, or count its fault."""
        fault = fault_of(diagnosis.key, self._published_at_s)
        if fault is not None:
            self.drop(fault)
        elif diagnosis.report_type is ReportType.REVOKED:
            self._revoked.add(diagnosis.key.data)
        else:
            self._keys[diagnosis.key.data] = diagnosis

    def case_file(self, signed: bytes, published_at_s: int | None) -> CaseFile:
        """Return the file whose signed bytes are ``signed``."""
        return CaseFile(
            self._protocol,
            tuple(k for k in self._keys.values() if k.key.data not in self._revoked),
            tuple(sorted(self._revoked)),
            tuple(sorted(self._dropped.items())),
            sha256(signed).hexdigest(),
            published_at_s,
        )


def fault_of(key: DailyKey, published_at_s: float) -> KeyFault | None:
    """Return why a key, published at that time, is not to be believed; None for a good one."""
    if len(key.data) != PROTOCOLS[key.protocol].key_length:
        return KeyFault.LENGTH
    if key.starts_at_s < 0 or key.ends_at_s <= key.starts_at_s:
        return KeyFault.SPAN
    if key.starts_at_s > published_at_s:
        return KeyFault.FUTURE
    if key.ends_at_s < published_at_s - KEY_LIFE_DAYS * DAY_S:
        return KeyFault.OLD
    return None


def onset_or_none(days_since_onset: object) -> int | None:
    """Return the days where they mean something."""
    return days_since_onset if type(days_since_onset) is int and days_since_onset in ONSET_DAYS else None
