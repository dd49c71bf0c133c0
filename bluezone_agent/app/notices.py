"""Delivers queued notices to the owner: through the configured channels, or the service that has the network."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from bluezone_agent.app.notice_channels import local_channels
from bluezone_agent.config import Config
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.notice import DeliveryOutcome
from bluezone_agent.notices.socket import SocketChannels
from bluezone_agent.ports import NoticeChannels
from bluezone_agent.stores.notices import QueuedNotice
from bluezone_agent.stores.store import Store

SOCKET: Final = "BLUEZONE_NOTIFY_SOCKET"
"""Set by the systemd units: the socket of bluezone-notify.service."""
KEEPS_ORDER_S: Final = DAY_S
"""For so long a notice that a channel does not deliver keeps later ones from overtaking it there. One that a channel
always refuses must not hold back a warning for ever."""


class Delivery(NamedTuple):
    """The result for the queue."""

    undelivered: int
    """Number of notices still waiting; 0 if no channel is configured, because then nothing is tried."""
    error: str | None
    """Why the last attempt failed."""


def deliver(store: Store, config: Config, now_s: float) -> Delivery:
    """Deliver the pending notices through every channel, in order.

    A channel that fails gets a notice again, later and later, until it succeeds or the notice is 14 days old; the
    others do not. Each channel gets each notice at least once: twice only if this process ends between the delivery and
    the record of it.
    """
    channels = channels_in_force(config)
    if channels is None:
        return Delivery(0, None)
    with store.transaction():
        due = store.notices.take_due(now_s)
    try:
        _deliver_in_order(store, channels, due, now_s)
    except OSError as error:
        with store.transaction():
            for queued in due:
                store.notices.failed(queued.notice_id, str(error) or type(error).__name__)
    waiting = store.notices.waiting(now_s)
    return Delivery(len(waiting), next((w.failure for w in reversed(waiting) if w.failure), None))


def _deliver_in_order(store: Store, channels: NoticeChannels, due: Iterable[QueuedNotice], now_s: float) -> None:
    failing: set[str] = set()
    for queued in due:
        outcome = channels.deliver(queued.notice, queued.delivered | failing)
        _record(store, queued, outcome, now_s)
        if now_s - queued.created_at_s < KEEPS_ORDER_S:
            failing |= outcome.failures.keys()


def _record(store: Store, queued: QueuedNotice, outcome: DeliveryOutcome, now_s: float) -> None:
    with store.transaction():
        if queued.delivered.union(outcome.delivered).issuperset(outcome.channels):
            store.notices.delivered(queued.notice_id, now_s)
            return
        for channel in outcome.delivered:
            store.notices.delivered_by(queued.notice_id, channel, now_s)
        if outcome.failures:
            store.notices.failed(queued.notice_id, outcome.failure)


def channels_in_force(config: Config) -> NoticeChannels | None:
    """Return the channels to the owner, None if there is no channel; raises ConfigError."""
    if not config.notifies:
        return None
    path = os.environ.get(SOCKET)
    return SocketChannels(Path(path)) if path else local_channels(config)
