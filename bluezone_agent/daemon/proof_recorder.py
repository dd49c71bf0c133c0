"""Another adapter receives the own broadcast: that proves it, and is kept for `status`."""

from __future__ import annotations

from bluezone_agent.core.reception import Sighting
from bluezone_agent.health.broadcast_proof import mark_proved
from bluezone_agent.stores.store import Store


class ProofRecorder:
    """Keeps the newest proof, and has it written with whatever is written next.

    A proof may come with every packet; one write waits at a time, and writes the newest.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._newest: Sighting | None = None
        self._waits = False

    def received(self, own: Sighting) -> None:
        """Take the own identifier as another adapter received it."""
        self._newest = own
        if not self._waits:
            self._waits = True
            self._store.later(self._write)

    def _write(self) -> None:
        """Write the newest proof; done again where the disk did not take it, which changes nothing."""
        self._waits = False
        if self._newest:
            mark_proved(self._store, self._newest.received_at_s, self._newest.received_by, self._newest.rssi_dbm)
