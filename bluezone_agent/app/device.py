"""The device on which a command runs."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Device(msgspec.Struct, frozen=True):
    """A device's state directory, and the configuration file that the user named."""

    state_dir: Path
    config_file: Path | None = None
    """None for the default location, which may be missing."""
