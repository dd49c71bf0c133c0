"""The configuration file: an example, and the settings in a given file."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from bluezone_agent.app.device import Device
from bluezone_agent.app.key_sources import pinned_sources
from bluezone_agent.config import Config, load
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.files import create
from bluezone_agent.i18n import _
from bluezone_agent.paths import config_path

NOT_SHOWN: Final = "<set>"


def example() -> str:
    """Return a configuration in TOML, with every setting explained in the person's language."""
    return files("bluezone_agent.app").joinpath(f"example.{_('en')}.toml").read_text("utf-8")


def write_example(device: Device, file: Path | None) -> Path:
    """Write the example to ``file``, or to where the configuration is read; raises ConfigError if it exists."""
    path = file or device.config_file or _standard_place()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        create(path, example().encode())
    except OSError as error:
        raise ConfigError(
            N_("can't write {path}: {reason}"),
            N_('choose another file, or "-" to print it'),
            path=path,
            reason=error.strerror,
        ) from error
    return path


def _standard_place() -> Path:
    path = config_path()
    if path is None:
        raise ConfigError(
            N_("user {uid} has no home directory, so there is no default location for the configuration"),
            N_('give a file name, or "-" to print it'),
            uid=os.getuid(),
        )
    return path


def checked(device: Device, file: Path | None) -> Config:
    """Return the settings in force, without the API key; raises ConfigError with the first mistake."""
    config = load(file or device.config_file)
    if config.sources:
        pinned_sources(config)  # reads the keys
    if config.publish:
        hidden = msgspec.structs.replace(config.publish, api_key=NOT_SHOWN)
        config = msgspec.structs.replace(config, publish=hidden)
    return config


def settings(config: Config) -> dict[str, Any]:
    """Return each setting by its name in the file."""
    values: dict[str, Any] = msgspec.to_builtins(config)
    return values
