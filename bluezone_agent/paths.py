"""Where the agent's files are: systemd's directories if set, else the platform's; and how a person's path is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from platformdirs import user_config_path, user_data_path

from bluezone_agent.errors import N_, ConfigError

APP_NAME: Final = "bluezone-agent"
CONFIG_NAME: Final = "bluezone-agent.toml"


def expanded(path: str | Path) -> Path:
    """Return a path as a person writes it, in an option or a setting: ``~`` and ``~user`` are home directories.

    Raises ConfigError for an unknown home directory.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            N_("{path}: there is no such home directory"), N_("write the full path, starting with /"), path=path
        ) from error


def config_path() -> Path | None:
    """Return the default path of the configuration; None if this user has no home, and so no such path."""
    folder = os.environ.get("CONFIGURATION_DIRECTORY")
    try:
        return (Path(folder) if folder else user_config_path(APP_NAME)) / CONFIG_NAME
    except RuntimeError:
        return None


def state_path() -> Path:
    """Return the default state directory; raises ConfigError if this user has no home."""
    folder = os.environ.get("STATE_DIRECTORY")
    try:
        return Path(folder) if folder else user_data_path(APP_NAME)
    except RuntimeError as error:
        raise ConfigError(
            N_("user {uid} has no home directory, so there is no place for the agent's state"),
            N_("choose a directory with --state-dir DIR, or set HOME"),
            uid=os.getuid(),
        ) from error


def runtime_path(state_dir: Path) -> Path:
    """Return the folder for the sockets of the agent of ``state_dir``."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder) if folder else state_dir
