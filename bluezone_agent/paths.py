"""Where the agent's files are: systemd's directories when it gives them, else the platform's; and what a path means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from platformdirs import user_config_path, user_data_path

from bluezone_agent.errors import N_, ConfigError

APP_NAME: Final = "bluezone-agent"
CONFIG_NAME: Final = "bluezone-agent.toml"


def expanded(path: str | Path) -> Path:
    """Return a path as a person means it, in an option or in the configuration: ``~`` and ``~user`` are homes.

    Raises ConfigError for a home that nobody knows.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            N_("{path}: there is no such home directory"), N_("write the full path, starting with /"), path=path
        ) from error


def config_path() -> Path | None:
    """Return where the configuration is looked for; None where this user has no home, and so no such place."""
    folder = os.environ.get("CONFIGURATION_DIRECTORY")
    try:
        return (Path(folder) if folder else user_config_path(APP_NAME)) / CONFIG_NAME
    except RuntimeError:
        return None


def state_path() -> Path:
    """Return the state directory where none is named; raises ConfigError where this user has no home."""
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
    """Return where sockets of the agent of ``state_dir`` are."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder) if folder else state_dir
