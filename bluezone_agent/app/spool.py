"""Folder through which the process with network access passes diagnosis key files to the one with the contacts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

SPOOL: Final = "BLUEZONE_SPOOL"
"""The folder, set by the systemd units. Without it a check downloads the files itself."""


def spool_folder() -> Path | None:
    """Return the folder, None if one process does both."""
    path = os.environ.get(SPOOL)
    return Path(path) if path else None
