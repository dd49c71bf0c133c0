"""Records that another adapter received the own broadcast, for `status`."""

from __future__ import annotations

from bluezone_agent.core.reception import Sighting
from bluezone_agent.health.broadcast_proof import mark_proved
from bluezone_agent.stores.store import Store


class ProofRecorder:
    """Stores the newest proof with the next transaction.

    Every packet may be a proof, so only one write is queued at a time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._newest: Sighting | None = None
        self._waits = False

    def received(self, own: Sighting) -> None:
        """Record the own identifier as another adapter received it."""
        self._newest = own
        if not self._waits:
            self._waits = True
            self._store.later(self._write)

    def _write(self) -> None:
        """Write the newest proof; harmless to repeat after a transaction that failed."""
        self._waits = False
        if self._newest:
            mark_proved(self._store, self._newest.received_at_s, self._newest.received_by, self._newest.rssi_dbm)
