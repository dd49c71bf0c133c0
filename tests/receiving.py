"""What a device hears of a key's owner, written into its store."""

from __future__ import annotations

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import MinuteFold
from bluezone_agent.stores.store import Store


def receive(store: Store, key: DailyKey, minutes: int = 20) -> None:
    """Hear the key's owner a metre away from 10:00 on the key's day."""
    protocol, fold = PROTOCOLS[key.protocol], MinuteFold()
    for at_s in range(key.starts_at_s + 10 * 3600, key.starts_at_s + 10 * 3600 + minutes * 60, 20):
        observed = protocol.decode(protocol.encode(key, protocol.identifier_at(key, at_s), -20))
        assert observed is not None
        fold.add(observed, -70, at_s, trusted=True)
    with store.transaction():
        store.contacts.add(fold.drain())
