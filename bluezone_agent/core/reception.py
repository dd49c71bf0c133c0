"""Decodes what a radio receives: an advert becomes a sighting, or is discarded with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.protocols import decode
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM
from bluezone_agent.errors import MalformedPayloadError


@dataclass(frozen=True, slots=True)
class Advert:
    """One advertisement as a radio received it."""

    advertising_data: AdvertisingData
    rssi_dbm: int
    """As the radio reports it; 127 and -127 mean that there is no value."""
    received_at_s: float
    """Wall time on this device's clock, Unix seconds."""
    received_by: str = ""
    """The name of the adapter that received it, if several listen, unless it is the advertising one."""
    sender: bytes = field(default=b"", repr=False)
    """A digest of the sender's address, which nobody can turn back; empty where the radio does not tell."""


class Sighting(NamedTuple):
    """One reception of an identifier. A tuple, because every packet creates one."""

    observed: ObservedIdentifier
    rssi_dbm: int
    """Within :data:`PLAUSIBLE_RSSI_DBM`."""
    received_at_s: float
    received_by: str


class DiscardReason(StrEnum):
    """Why an advert does not count as a contact; the value names its counter."""

    MALFORMED = "malformed"
    FOREIGN = "foreign"
    WITHOUT_RSSI = "without_rssi"
    REPEATED = "repeated"
    """Somebody else transmits this device's own identifier. Only the caller can know that; :func:`receive` does not."""


class Discarded(NamedTuple):
    """An advert that is not a sighting."""

    reason: DiscardReason
    observed: ObservedIdentifier | None = None
    """The identifier, if only the RSSI is missing."""


def receive(advert: Advert) -> Sighting | Discarded:
    """Decode ``advert``; no payload makes this raise."""
    try:
        observed = decode(advert.advertising_data)
    except MalformedPayloadError:
        return Discarded(DiscardReason.MALFORMED)
    if observed is None:
        return Discarded(DiscardReason.FOREIGN)
    if advert.rssi_dbm not in PLAUSIBLE_RSSI_DBM:
        return Discarded(DiscardReason.WITHOUT_RSSI, observed)
    return Sighting(observed, advert.rssi_dbm, advert.received_at_s, advert.received_by)
