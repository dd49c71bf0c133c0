"""Which received identifiers belong to published keys, and which of their sightings count.

A country publishes a hundred thousand keys with fourteen million identifiers; a device has received a thousandth of a
thousandth of them. So almost all of the work is to say no quickly: the identifiers of a batch of keys are looked up
together in a map with one byte per prefix, and only those that pass are compared in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypedDict

import numpy as np
from numpy.typing import NDArray

from bluezone_agent.core.identifiers import DiagnosisKey, IdentifierSlot, ProximityProtocol
from bluezone_agent.core.intervals import ENIN_S

MATCH_TOLERANCE_S: Final = 12 * ENIN_S
"""By how much a sighting may miss an identifier's validity: 12 intervals (GAEN), because clocks differ."""
KEYS_IN_BATCH: Final = 128
IDENTIFIERS_IN_BATCH: Final = KEYS_IN_BATCH * 144
"""18,432 identifiers of 16 bytes are 288 KiB: this spreads numpy's overhead and fits into a core's cache. A single
chained entry may have more, and is then a batch of its own."""
PREFIX_BITS: Final = range(12, 25)
"""The map has 64 bytes per identifier, so that one in 64 foreign identifiers passes; it has 4 KiB to 16 MiB."""


class _Layout(TypedDict):
    """Where the first bytes of consecutive identifiers are."""

    shape: tuple[int]
    buffer: bytes | bytearray | None
    strides: tuple[int]


class ReceivedIdentifiers:
    """The received identifiers of one protocol, prepared for lookup."""

    def __init__(self, packed: bytes | bytearray, length: int) -> None:
        """``packed`` contains consecutive identifiers of ``length`` bytes, at least 8."""
        self.length = length
        self._packed = packed
        count = len(packed) // length
        self._shift = np.uint32(32 - min(max(count.bit_length() + 6, PREFIX_BITS[0]), PREFIX_BITS[-1]))
        self._passes = np.zeros(1 << (32 - int(self._shift)), dtype=np.bool_)
        self._passes[self._prefixes(packed)] = True
        heads = self._heads(packed)
        self._order = np.argsort(heads, kind="stable")
        self._sorted_heads = heads[self._order]

    def __len__(self) -> int:
        return len(self._order)

    def find(self, derived: bytes) -> Iterator[tuple[int, int]]:
        """Yield (number within ``derived``, index of the same received identifier), in order; all indices of each."""
        candidates = np.flatnonzero(self._passes[self._prefixes(derived)])
        heads = self._heads(derived)[candidates]
        first = np.searchsorted(self._sorted_heads, heads, "left")
        last = np.searchsorted(self._sorted_heads, heads, "right")
        for hit in np.flatnonzero(first < last).tolist():
            number = int(candidates[hit])
            identifier = derived[number * self.length : (number + 1) * self.length]
            for index in self._order[first[hit] : last[hit]].tolist():
                if self._packed[index * self.length : (index + 1) * self.length] == identifier:
                    yield number, index

    def _prefixes(self, packed: bytes | bytearray) -> NDArray[np.uint32]:
        words: NDArray[np.uint32] = np.ndarray(**self._layout(packed), dtype="<u4")
        return words >> self._shift

    def _heads(self, packed: bytes | bytearray) -> NDArray[np.uint64]:
        """Return the first 8 bytes of each identifier as a number."""
        return np.ndarray(**self._layout(packed), dtype="<u8")

    def _layout(self, packed: bytes | bytearray) -> _Layout:
        count = len(packed) // self.length
        return {"shape": (count,), "buffer": packed if count else None, "strides": (self.length,)}


def match(
    protocol: ProximityProtocol, diagnosis_keys: Iterable[DiagnosisKey], received: ReceivedIdentifiers
) -> Iterator[tuple[DiagnosisKey, IdentifierSlot, int]]:
    """Yield each slot of a key whose identifier was received, with all indices of the identifier.

    :func:`may_match` decides whether a sighting counts, which needs its time. Every key is consumed, even if nothing
    was received.
    """
    for batch in _batches(diagnosis_keys):
        if not len(received):
            continue
        derived = [protocol.identifiers(diagnosis.key) for diagnosis in batch]
        counts = [len(part) // protocol.identifier_length for part in derived]
        ends = np.cumsum(counts)
        for number, index in received.find(b"".join(derived)):
            which = int(np.searchsorted(ends, number, "right"))
            slot = protocol.slot(batch[which].key, derived[which], number - int(ends[which]) + counts[which])
            yield batch[which], slot, index


def _batches(diagnosis_keys: Iterable[DiagnosisKey]) -> Iterator[list[DiagnosisKey]]:
    batch: list[DiagnosisKey] = []
    identifiers = 0
    for diagnosis in diagnosis_keys:
        count = diagnosis.key.slots
        if batch and (identifiers + count > IDENTIFIERS_IN_BATCH or len(batch) == KEYS_IN_BATCH):
            yield batch
            batch, identifiers = [], 0
        batch.append(diagnosis)
        identifiers += count
    if batch:
        yield batch


def may_match(slot: IdentifierSlot, at_s: float, published_at_s: float) -> bool:
    """Return whether a sighting at ``at_s`` counts for a slot of a key published at ``published_at_s``.

    It may miss the slot by at most :data:`MATCH_TOLERANCE_S`: a later one is a replay. After the publication anybody
    can transmit the key's identifiers, so such a sighting proves nothing.
    """
    return slot.starts_at_s - MATCH_TOLERANCE_S <= at_s <= slot.ends_at_s + MATCH_TOLERANCE_S and at_s < published_at_s
