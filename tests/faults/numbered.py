"""People who are heard once each, so that whoever is missing afterwards is known by number."""

from __future__ import annotations

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.stores.store import Store

GAEN_UUID = 0xFD6F


def identifier(number: int, kind: bytes = b"\x01") -> bytes:
    """Return the identifier of person ``number``; kinds do not share numbers."""
    return kind + number.to_bytes(15, "big")


def advertising_data(number: int, kind: bytes = b"\x01") -> AdvertisingData:
    """Return what person ``number`` broadcasts."""
    return AdvertisingData(service_uuids=(GAEN_UUID,), service_data={GAEN_UUID: identifier(number, kind) + bytes(4)})


def numbers(store: Store, kind: bytes = b"\x01") -> list[int]:
    """Return the numbers of those who are kept with a minute, in order, one as often as it has rows."""
    return sorted(
        int.from_bytes(m.observed.identifier[1:], "big")
        for m in store.contacts.minutes_since(-(10**9))
        if m.observed.protocol == "gaen" and m.observed.identifier[:1] == kind
    )
