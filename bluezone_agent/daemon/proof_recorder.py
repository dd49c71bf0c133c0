"""Records for `status` that another adapter received this device's advertisements."""

from __future__ import annotations

from bluezone_agent.core.journal import Proved
from bluezone_agent.core.reception import Sighting
from bluezone_agent.stores.store import Store


class ProofRecorder:
    """Has the newest proof written with the next write: there may be one with every packet."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def received(self, own: Sighting) -> None:
        """Accept this device's identifier as another adapter received it."""
        self._store.enqueue(Proved(int(own.received_at_s), own.received_by, own.rssi_dbm))
