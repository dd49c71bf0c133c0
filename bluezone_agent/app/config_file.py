"""The configuration file: an example, and the settings in a given file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
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


def used(device: Device, file: Path | None) -> Path | None:
    """Return the file that :func:`checked` reads; None if there is none."""
    path = file or device.config_file or config_path()
    return path if path is not None and (file or path.exists()) else None


def checked(device: Device, file: Path | None) -> Config:
    """Return the settings in force, without secrets; raises ConfigError with the first mistake."""
    config = load(file or device.config_file)
    if config.sources:
        pinned_sources(config)  # reads the keys
    if config.notify_urls:
        config = msgspec.structs.replace(config, notify_urls=(NOT_SHOWN,) * len(config.notify_urls))
    if config.home_assistant:
        shown = msgspec.structs.replace(config.home_assistant, broker=NOT_SHOWN)
        config = msgspec.structs.replace(config, home_assistant=shown)
    if config.publish:
        hidden = msgspec.structs.replace(config.publish, api_key=NOT_SHOWN)
        config = msgspec.structs.replace(config, publish=hidden)
    return config


def settings(config: Config) -> str:
    """Return every setting in TOML, with its value in force; reading the text again gives the same configuration."""
    return "\n".join(_table(msgspec.to_builtins(config), ""))


def _table(values: dict[str, Any], name: str) -> Iterator[str]:
    tables = {key: value for key, value in values.items() if _is_table(value)}
    for key, value in values.items():
        if key not in tables and value is not None:
            yield f"{key} = {_value(value)}"
    for key, value in tables.items():
        below = f"{name}.{key}".removeprefix(".")
        for one in [value] if isinstance(value, dict) else value:
            yield from ("", f"[{below}]" if isinstance(value, dict) else f"[[{below}]]", *_table(one, below))


def _value(value: object) -> str:
    """Return a value in TOML, with escapes for characters that a terminal would obey."""
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(value, ensure_ascii=False))


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list | tuple) and bool(value) and isinstance(value[0], dict))
