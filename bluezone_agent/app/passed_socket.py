"""The listening socket that systemd passes to a process that it starts for it: sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket
from typing import Final

from bluezone_agent.errors import N_, ConfigError

FIRST_PASSED_FD: Final = 3


def passed_socket(unit: str) -> socket.socket:
    """Return the socket of a unit; raises ConfigError if systemd passed none."""
    if os.environ.get("LISTEN_FDS") != "1" or os.environ.get("LISTEN_PID") != str(os.getpid()):
        raise ConfigError(
            N_("systemd passed no socket to this process"),
            N_("systemd starts it: systemctl start {unit}"),
            unit=unit,
        )
    return socket.socket(fileno=FIRST_PASSED_FD)
