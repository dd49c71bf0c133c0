"""The service manager that started this process: it learns what the agent does, and that it is alive (sd_notify(3))."""

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
"""Heartbeats within the watchdog's time: two may be lost or late."""
UNWATCHED_BEAT_S: Final = 20.0
"""How often the status line is renewed if there is no watchdog interval."""


class ServiceManager:
    """systemd, or no manager: then all notifications are dropped without harm."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """``environment`` contains systemd's variables: NOTIFY_SOCKET, WATCHDOG_USEC."""
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.listens = bool(address)
        """Whether there is a manager."""
        watchdog_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6
        self.beat_s = watchdog_s / BEATS or UNWATCHED_BEAT_S

    def tell(self, **states: str) -> None:
        """Send assignments, such as ``READY="1", STATUS="..."``."""
        if not self._address:
            return
        message = "\n".join(f"{name}={value}" for name, value in states.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto(message.encode(), self._address)
        except OSError as error:  # a manager that does not listen must not end the agent; its watchdog may
            log.warning("service_manager_not_notified", reason=error.strerror)

    async def keep_informed(self, watchdog: Watchdog, status_line: Callable[[], str]) -> None:
        """Report readiness, then the status for ever; feed the watchdog while every worker makes progress.

        ``status_line`` returns one line for people.
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
