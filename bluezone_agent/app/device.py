"""One device as a command finds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Device:
    """Where a device keeps its state, and the configuration that a person named."""

    state_dir: Path
    config_file: Path | None = None
    """None for the standard place, where there need not be one."""
