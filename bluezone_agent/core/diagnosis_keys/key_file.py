"""The contents of every diagnosis key file, whatever its format: accepted keys, and a count of those left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.source_records import AFTER_PUBLICATION
from bluezone_agent.errors import N_

KEY_LIFE_DAYS: Final = 14
"""Days after its end during which a key is worth publishing: contacts are not kept for longer."""
KEYS_IN_BATCH: Final = 4096
"""Their messages and tuples are about 2 MB, which spreads the overhead of a batch."""
ONSET_DAYS: Final = range(-14, 15)
"""Valid days since onset; others are dropped (cocoa#639: such a key must not invalidate the file)."""

UNSIGNED: Final = ""
"""The signer of an unsigned file."""


EARLIEST_S: Final = 1_577_836_800
"""2020-01-01 UTC: no key of either protocol was published earlier."""
CLOCKS_DIFFER_S: Final = DAY_S
"""By how much an authority's clock may be ahead of this device's."""
WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")


class KeyFault(StrEnum):
    """Why a key is left out; the file's other keys are still used."""

    MALFORMED = N_("malformed")
    PROTOCOL = N_("of a protocol that is not published here")
    LENGTH = N_("wrong length of the key")
    SPAN = N_("impossible span of time")
    COSTLY = N_("more identifiers than a file may have")
    MISALIGNED = N_("does not start at a UTC midnight")
    FUTURE = AFTER_PUBLICATION
    OLD = N_("ended more than 14 days before its publication")


Entry = DiagnosisKey | KeyFault
"""One entry of a file: a key, still to be judged by :func:`fault_of`, or why it is not a key."""


@dataclass(frozen=True, slots=True)
class KeyBatch:
    """One batch of keys from a diagnosis key file."""

    keys: tuple[DiagnosisKey, ...]
    revoked: tuple[DiagnosisKey, ...]
    """Keys that their signer published by mistake, in this or any other file: they must not match."""
    dropped: Mapping[KeyFault, int]
    """How many keys were left out, and why."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A verified diagnosis key file. It may contain a million keys, so it is read in batches."""

    protocol: str
    digest: str
    """SHA-256 of the signed bytes, hex."""
    published_at_s: int | None
    """When its authority published it, Unix seconds; None when the file does not state it, or can't know it."""
    read_at_s: float
    """Stands in for the time of publication where the file states none."""
    entries: Callable[[], Iterator[list[Entry]]]
    """Reads the file from its beginning, some thousand entries at a time; raises KeyFileError where it is broken."""
    signer: str = UNSIGNED
    """Fingerprint of the pinned key that signed it."""

    def batches(self) -> Iterator[KeyBatch]:
        """Yield the file in batches; raises KeyFileError where it is broken, so accept none before the last."""
        published_at_s = self.published_at_s or self.read_at_s
        for entries in self.entries():
            yield _sifted(entries, published_at_s)

    def whole(self) -> KeyBatch:
        """Return all of it, each key once: a later entry replaces an earlier one, and revoked keys are removed."""
        keys: dict[bytes, DiagnosisKey] = {}
        revoked: dict[bytes, DiagnosisKey] = {}
        dropped: Counter[KeyFault] = Counter()
        for batch in self.batches():
            keys |= {k.key.data: k for k in batch.keys}
            revoked |= {k.key.data: k for k in batch.revoked}
            dropped.update(batch.dropped)
        return KeyBatch(
            tuple(k for k in keys.values() if k.key.data not in revoked),
            tuple(revoked[data] for data in sorted(revoked)),
            dict(sorted(dropped.items())),
        )


def _sifted(entries: Iterable[Entry], published_at_s: float) -> KeyBatch:
    keys: list[DiagnosisKey] = []
    revoked: list[DiagnosisKey] = []
    dropped: Counter[KeyFault] = Counter()
    for entry in entries:
        if isinstance(entry, KeyFault):
            dropped[entry] += 1
        elif (fault := fault_of(entry.key, published_at_s)) is not None:
            dropped[fault] += 1
        elif entry.report_type is ReportType.REVOKED:
            revoked.append(entry)
        else:
            keys.append(entry)
    return KeyBatch(tuple(keys), tuple(revoked), dropped)


def fault_of(key: DailyKey, published_at_s: float) -> KeyFault | None:
    """Return why a key, published at that time, is not accepted; None for a valid key."""
    if len(key.data) != PROTOCOLS[key.protocol].key_length:
        return KeyFault.LENGTH
    if key.starts_at_s < 0 or key.ends_at_s <= key.starts_at_s:
        return KeyFault.SPAN
    if key.starts_at_s > published_at_s:
        return KeyFault.FUTURE
    if key.ends_at_s < published_at_s - KEY_LIFE_DAYS * DAY_S:
        return KeyFault.OLD
    return None


def publication_of(stated: object, read_at_s: float) -> int | None:
    """Return the time of publication that a file states, None for an impossible one.

    No file was published before 2020 or after tomorrow: such a number is in another unit, or meaningless. With it every
    key would be too old, or replays of the keys would count. It is treated as not stated: the time of the first fetch
    counts, which loses nothing that was received earlier.
    """
    number = whole_number(stated)
    return number if number is not None and EARLIEST_S <= number <= read_at_s + CLOCKS_DIFFER_S else None


def whole_number(value: object) -> int | None:
    """Return a number written as an integer, a float without a fraction or a text of digits, else None."""
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def onset_or_none(days_since_onset: object) -> int | None:
    """Return the days since onset if they are valid."""
    days = whole_number(days_since_onset)
    return days if days in ONSET_DAYS else None
