"""People who are heard once each, so that whoever is missing afterwards is known by number."""

from __future__ import annotations

from bluezone_agent.core.advertising_data import Frame
from bluezone_agent.stores.store import Store

GAEN_UUID = 0xFD6F


def identifier(number: int, kind: bytes = b"\x01") -> bytes:
    """Return the identifier of person ``number``; kinds do not share numbers."""
    return kind + number.to_bytes(15, "big")


def frame(number: int, kind: bytes = b"\x01") -> Frame:
    """Return what person ``number`` broadcasts."""
    return Frame(service_uuids=(GAEN_UUID,), service_data={GAEN_UUID: identifier(number, kind) + bytes(4)})


def numbers(store: Store, kind: bytes = b"\x01") -> list[int]:
    """Return the numbers of those who are kept with a minute, in order, one as often as it has rows."""
    return sorted(
        int.from_bytes(m.beacon.identifier[1:], "big")
        for m in store.contacts.minutes_since(-(10**9))
        if m.beacon.protocol == "gaen" and m.beacon.identifier[:1] == kind
    )
