"""The broker's socket, for whoever starts the broker."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def bound_socket(path: Path, uid: int) -> socket.socket:
    """Return a listening socket at ``path`` for root and ``uid``; raises OSError."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    umask = os.umask(0o177)
    try:
        listening.bind(os.fspath(path))
    finally:
        os.umask(umask)
    os.chown(path, uid, -1)
    listening.listen()
    return listening
