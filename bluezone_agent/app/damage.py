"""Whether a command failed because the store is damaged."""

from __future__ import annotations

from bluezone_agent.app.device import Device
from bluezone_agent.stores.file.open import require_sound as require_sound_store


def require_sound(device: Device) -> None:
    """Read the whole store, if there is one; raises StoreDamagedError if it is damaged or from a later version."""
    require_sound_store(device.state_dir)
