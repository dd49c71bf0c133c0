"""Channels by the URLs of apprise: ntfy, e-mail, Telegram, SMS gateways, MQTT, the desktop (extra ``notify``)."""

from __future__ import annotations

import logging
import re
from hashlib import sha256
from typing import Final

from bluezone_agent.core.notice import Notice
from bluezone_agent.errors import N_, ConfigError

try:
    import apprise
except ImportError as error:
    raise ConfigError(
        N_("notify_urls needs the package {package}, which is not installed"),
        N_("run \"pip install 'bluezone-agent[notify]'\", or use notify_command"),
        package="apprise",
    ) from error

TIMEOUT_S: Final = 20
"""For all that one channel does, so that several of them fit into the answer that the agent waits for."""
REFUSED: Final = ("401", "403")
STATUS: Final = re.compile(r"\berror=(\d{3})\b")


class AppriseChannel:
    """One URL, which is a secret: neither its repr nor an error shows more than its scheme."""

    def __init__(self, url: str, number: int) -> None:
        """``number`` names the URL in errors, from 1. Raises ConfigError when apprise does not know it."""
        asset = apprise.AppriseAsset(
            app_id="bluezone-agent",
            app_desc="bluezone-agent",
            app_url="",
            secure_logging=True,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            service_timeout=TIMEOUT_S,
        )
        self._apprise = apprise.Apprise(asset=asset)
        scheme = url.partition("://")[0]
        if not self._apprise.add(url):
            raise ConfigError(
                N_("number {number} of the notify URLs is not one that apprise can use"),
                N_("its form is in apprise's documentation, for example ntfys://TOPIC or mailtos://USER:PASSWORD@HOST"),
                number=number,
            )
        self.name = f"{scheme}-{sha256(url.encode()).hexdigest()[:8]}"
        """Its scheme, and enough of a digest to tell two of them apart, but not to find a token."""

    def __repr__(self) -> str:
        return f"AppriseChannel({self.name!r})"

    def notify(self, notice: Notice) -> None:
        """Deliver a notice; raises OSError with a reason that has no part of the URL or of the notice."""
        said = _Said()
        logger = logging.getLogger("apprise")
        logger.addHandler(said)
        try:
            done = self._apprise.notify(
                title=notice.title, body=notice.body, body_format=apprise.NotifyFormat.TEXT, interpret_escapes=False
            )
        finally:
            logger.removeHandler(said)
        if not done:
            raise OSError(_reason(said.status))


def _reason(status: str) -> str:
    if not status:
        return N_("it could not be reached, or it refused")
    return N_("it refused the password or token") if status in REFUSED else N_("the server answered with an error")


class _Said(logging.Handler):
    """What apprise logs about a failure: only an HTTP status is kept, because the rest may contain secrets."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.status = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the status."""
        if found := STATUS.search(record.getMessage()):
            self.status = found[1]


def _keep_silent() -> None:
    """Keep apprise's log out of the journal: it may contain topics, addresses and texts."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())


_keep_silent()
