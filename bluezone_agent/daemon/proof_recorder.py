"""Records that another adapter received the own broadcast, for `status`."""

from __future__ import annotations

from bluezone_agent.core.journal import Proved
from bluezone_agent.core.reception import Sighting
from bluezone_agent.stores.store import Store


class ProofRecorder:
    """Has the newest proof written with whatever is written next: one may come with every packet."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def received(self, own: Sighting) -> None:
        """Take the own identifier as another adapter received it."""
        self._store.enqueue(Proved(int(own.received_at_s), own.received_by, own.rssi_dbm))
