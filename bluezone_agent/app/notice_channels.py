"""The channels that the configuration names, for a process that has the network."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from bluezone_agent.config import Config
from bluezone_agent.core.notice import Notice
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.files import read_text
from bluezone_agent.i18n import _
from bluezone_agent.notices.channels import LocalChannels, OpenOnly
from bluezone_agent.notices.command import CommandNotifier
from bluezone_agent.paths import expanded
from bluezone_agent.ports import Notifier

if TYPE_CHECKING:
    from bluezone_agent.notices.apprise_channel import AppriseChannel

COMMAND: Final = "notify_command"
"""Name of the channel."""
DESKTOP: Final = "desktop://"
"""The URL of the desktop, which needs no extra."""
CREDENTIAL: Final = "bluezone-notify-urls"
"""Name of the credential with which systemd passes the file of URLs to a service (docs/systemd.md)."""


def local_channels(config: Config) -> LocalChannels:
    """Return the channels; raises ConfigError for a URL or a file of them that can't be used."""
    channels: dict[str, Notifier] = {}
    if config.notify_command:
        channels[COMMAND] = CommandNotifier(config.notify_command)
    for number, url in enumerate(_urls(config), start=1):
        name, channel = _channel(url, number)
        channels[name] = channel if config.notify_content == "full" else OpenOnly(channel, open_notice())
    return LocalChannels(channels)


def open_notice() -> Notice:
    """Return what a channel says that may not say more."""
    return Notice(
        "bluezone-agent",
        _(
            "There is a new message for you on your device. Read it there: bluezone-agent exposures,"
            " bluezone-agent status"
        ),
    )


def _channel(url: str, number: int) -> tuple[str, Notifier]:
    if url == DESKTOP:
        return "desktop", cast("Notifier", import_module("bluezone_agent.notices.desktop").DesktopNotifier())
    module = import_module("bluezone_agent.notices.apprise_channel")  # it takes seconds on a small device
    channel = cast("AppriseChannel", module.AppriseChannel(url, number))
    return channel.name, channel


def _urls(config: Config) -> list[str]:
    if not config.notify_urls_file:
        return list(config.notify_urls)
    path = expanded(config.notify_urls_file)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / CREDENTIAL).exists():
        path = Path(credentials) / CREDENTIAL
    try:
        lines = read_text(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            N_("can't read the notify URLs in {path}: {reason}"),
            N_("make the file readable for the user who runs this, or pass it as a credential (docs/systemd.md)"),
            path=path,
            reason=getattr(error, "strerror", None) or "not UTF-8",
        ) from error
    return [*config.notify_urls, *(line.strip() for line in lines if line.strip() and not line.startswith("#"))]
