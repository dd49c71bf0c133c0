"""Delivers queued notices to the owner: with the configured command, or through the service that has the network."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final, NamedTuple

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.config import Config
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.notices.command import CommandNotifier
from bluezone_agent.notices.socket import SocketNotifier, serve
from bluezone_agent.ports import Notifier
from bluezone_agent.stores.store import Store

SOCKET: Final = "BLUEZONE_NOTIFY_SOCKET"
"""Set by the systemd units: the socket of bluezone-notify.service."""
FIRST_PASSED_FD: Final = 3
"""sd_listen_fds(3)."""


class Delivery(NamedTuple):
    """The result for the queue."""

    undelivered: int
    """Number of notices still waiting; 0 if no notify_command is configured, because then nothing is tried."""
    error: str | None
    """Why the last attempt failed."""


def deliver(store: Store, config: Config, now_s: float) -> Delivery:
    """Deliver the pending notices; a failed one is retried, at least once, until it succeeds or is 14 days old."""
    notifier = _notifier(config)
    if notifier is None:
        return Delivery(0, None)
    with store.transaction():
        due = store.notices.take_due(now_s)
    for queued in due:
        try:
            notifier.notify(queued.notice)
        except OSError as error:
            with store.transaction():
                store.notices.failed(queued.notice_id, str(error) or type(error).__name__)
        else:
            with store.transaction():
                store.notices.delivered(queued.notice_id, now_s)
    waiting = store.notices.waiting(now_s)
    return Delivery(len(waiting), next((w.failure for w in reversed(waiting) if w.failure), None))


def _notifier(config: Config) -> Notifier | None:
    if not config.notify_command:
        return None
    path = os.environ.get(SOCKET)
    return SocketNotifier(Path(path)) if path else CommandNotifier(config.notify_command)


def serve_notices(device: Device) -> None:
    """Run the command for each notice that arrives on systemd's socket; does not return. Raises ConfigError."""
    config = configuration(device)
    if os.environ.get("LISTEN_FDS") != "1" or os.environ.get("LISTEN_PID") != str(os.getpid()):
        raise ConfigError(
            N_("systemd passed no socket to this process"),
            N_("systemd starts it: systemctl start bluezone-notify.socket"),
        )
    with socket.socket(fileno=FIRST_PASSED_FD) as listener:
        serve(listener, CommandNotifier(config.notify_command or ("false",)).notify)
