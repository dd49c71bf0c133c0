"""The service manager that started this process: told what the agent does, and that it lives (sd_notify(3))."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from bluezone_agent.daemon.watchdog import Watchdog

log: Final = structlog.get_logger()

BEATS: Final = 3
"""Within the watchdog's time: two may be lost or late."""
UNWATCHED_BEAT_S: Final = 20.0
"""How often the status line is renewed where no watchdog sets the pace."""


class ServiceManager:
    """systemd, or nobody: then everything said to it is lost without harm."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """``environment`` holds what systemd put there: NOTIFY_SOCKET, WATCHDOG_USEC."""
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.listens = bool(address)
        """Whether there is a manager."""
        watchdog_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6
        self.beat_s = watchdog_s / BEATS or UNWATCHED_BEAT_S

    def tell(self, **states: str) -> None:
        """Send assignments, as ``READY="1", STATUS="..."``."""
        if not self._address:
            return
        message = "\n".join(f"{name}={value}" for name, value in states.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto(message.encode(), self._address)
        except OSError as error:  # a manager that does not listen must not end the agent; its watchdog may
            log.warning("service_manager_not_notified", reason=error.strerror)

    async def keep_informed(self, watchdog: Watchdog, status_line: Callable[[], str]) -> None:
        """Say that the agent is ready, then for ever what it does; feed the watchdog while every part makes progress.

        ``status_line`` returns one line for a person.
        """
        self.tell(READY="1", STATUS=status_line())
        while True:
            await asyncio.sleep(self.beat_s)
            late = watchdog.late()
            if late:
                log.error("workers_stuck", workers=[str(part) for part in late])
                self.tell(STATUS=status_line())
            else:
                self.tell(WATCHDOG="1", STATUS=status_line())
