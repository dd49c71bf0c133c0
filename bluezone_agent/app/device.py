"""One device as a command finds it."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Device(msgspec.Struct, frozen=True):
    """Where a device keeps its state, and the configuration that a person named."""

    state_dir: Path
    config_file: Path | None = None
    """None for the standard place, where there need not be one."""
