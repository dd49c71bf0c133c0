"""Notices to the owner, by the command that the configuration names."""

from __future__ import annotations

from collections.abc import Sequence

from bluezone_agent.config import Config
from bluezone_agent.notices.command import CommandNotifier
from bluezone_agent.ports import Notice


def notify_owner(config: Config, notices: Sequence[Notice]) -> str | None:
    """Give the notices, where a command is configured; return why that failed, None for nothing."""
    if notices and config.notify_command:
        try:
            CommandNotifier(config.notify_command).notify(notices)
        except OSError as error:
            return str(error)
    return None
