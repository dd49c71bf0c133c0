"""The process that sends an installed agent's submissions, because the agent has no network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

SOCKET: Final = "BLUEZONE_SUBMIT_SOCKET"
"""Set by the systemd units: the socket of bluezone-submit.service."""


def submit_socket() -> Path | None:
    """Return the socket of the process that has the network; None if this process has it."""
    path = os.environ.get(SOCKET)
    return Path(path) if path else None


def can_submit(*, service: bool) -> bool:
    """Return whether the agent, or the page of whoever owns the store, reaches a key server."""
    path = submit_socket()
    return not service if path is None else path.exists()
