"""Several channels to the owner: each notice goes through every one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bluezone_agent.core.notice import DeliveryOutcome, Notice
from bluezone_agent.ports import Notifier


class LocalChannels:
    """Channels that this process uses itself."""

    def __init__(self, channels: Mapping[str, Notifier]) -> None:
        """``channels``: their names, which stay the same as long as a channel does and contain no secret."""
        self._channels = dict(channels)

    def deliver(self, notice: Notice, but: Collection[str] = ()) -> DeliveryOutcome:
        """Try every channel; one that fails does not keep the others from being tried."""
        failures: dict[str, str] = {}
        delivered: list[str] = []
        for name, notifier in self._channels.items():
            if name in but:
                continue
            try:
                notifier.notify(notice)
            except OSError as error:
                failures[name] = str(error) or type(error).__name__
            else:
                delivered.append(name)
        return DeliveryOutcome(tuple(self._channels), failures, tuple(delivered))


class OpenOnly:
    """A channel on somebody else's server: it learns that there is a notice, but not which."""

    def __init__(self, notifier: Notifier, notice: Notice) -> None:
        """``notice``: what is delivered in place of every notice."""
        self._notifier = notifier
        self._notice = notice

    def notify(self, notice: Notice) -> None:  # noqa: ARG002 - that is its purpose
        """Deliver the one notice; raises OSError."""
        self._notifier.notify(self._notice)
