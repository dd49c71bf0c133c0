"""Where the process with the network leaves files of diagnosis keys for the one with the contacts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

SPOOL: Final = "BLUEZONE_SPOOL"
"""Set by the systemd units: the folder. Without it a check fetches by itself."""


def spool_folder() -> Path | None:
    """Return the folder, None where there are no two processes."""
    path = os.environ.get(SPOOL)
    return Path(path) if path else None
