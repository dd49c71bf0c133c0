"""Which identifiers heard belong to published keys, and which sightings of them count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bluezone_agent.core.identifiers import DiagnosisKey, IdentifierSlot, ProximityProtocol
from bluezone_agent.core.intervals import ENIN_S

MATCH_TOLERANCE_S: Final = 12 * ENIN_S
"""By how much a sighting may miss an identifier's validity: 12 intervals (GAEN), for clocks that differ."""


def match(
    protocol: ProximityProtocol, diagnosis_keys: Iterable[DiagnosisKey], identifiers: Sequence[bytes]
) -> Iterator[tuple[DiagnosisKey, IdentifierSlot, int]]:
    """Yield each slot of a key whose identifier was heard, with the identifier's index; all indices of one heard twice.

    Whether a sighting counts is for :func:`may_match`, which needs its time.
    """
    indices: dict[bytes, list[int]] = {}
    for index, identifier in enumerate(identifiers):
        indices.setdefault(identifier, []).append(index)
    if not indices:
        return
    for diagnosis in diagnosis_keys:
        for slot in protocol.slots(diagnosis.key):
            for index in indices.get(slot.identifier, ()):
                yield diagnosis, slot, index


def may_match(slot: IdentifierSlot, at_s: float, published_at_s: float) -> bool:
    """Return whether a sighting at ``at_s`` counts for a slot of a key published at ``published_at_s``.

    It may miss the slot by :data:`MATCH_TOLERANCE_S` and no more: a later one is a replay. From its publication on
    anybody can broadcast the key's identifiers, so such a sighting says nothing.
    """
    return slot.starts_at_s - MATCH_TOLERANCE_S <= at_s <= slot.ends_at_s + MATCH_TOLERANCE_S and at_s < published_at_s
