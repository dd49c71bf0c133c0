"""The folder through which the agent passes to the owner's page what it shows, if the page is a service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PAGE: Final = "BLUEZONE_PAGE"
"""The folder of the page's parts, set by the systemd units. Without it nothing is written for a page."""


def page_folder() -> Path | None:
    """Return the folder of the page's parts; None if there is no page that runs as a service, or no such folder."""
    path = os.environ.get(PAGE)
    return Path(path) if path and Path(path).is_dir() else None
