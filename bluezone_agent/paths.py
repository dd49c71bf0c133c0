"""Where the agent's files are: systemd's directories when it gives them, else the platform's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from platformdirs import user_config_path, user_data_path

APP_NAME: Final = "bluezone-agent"
CONFIG_NAME: Final = "bluezone-agent.toml"


def config_path() -> Path:
    """Return where the configuration is looked for."""
    folder = os.environ.get("CONFIGURATION_DIRECTORY")
    return (Path(folder) if folder else user_config_path(APP_NAME)) / CONFIG_NAME


def state_path() -> Path:
    """Return the state directory where none is named."""
    folder = os.environ.get("STATE_DIRECTORY")
    return Path(folder) if folder else user_data_path(APP_NAME)


def runtime_path(state_dir: Path) -> Path:
    """Return where sockets of the agent of ``state_dir`` are."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder) if folder else state_dir
