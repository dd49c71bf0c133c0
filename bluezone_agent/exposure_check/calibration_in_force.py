"""Which calibration applies to the present comparison."""

from __future__ import annotations

from bluezone_agent.core.journal import RadioState
from bluezone_agent.stores.calibrations import StoredCalibration
from bluezone_agent.stores.store import Store


def calibration_in_force(store: Store, now_s: float) -> StoredCalibration | None:
    """Return the calibration of the radio that the agent used last; None if it has none, or it has expired."""
    radio = store.journal.get(RadioState)
    return store.calibrations.in_force(radio.description if radio else "", now_s)
