"""The configured language, for texts that are shown before the configuration is read, or without reading it."""

from __future__ import annotations

from pathlib import Path

from bluezone_agent.files import read_text
from bluezone_agent.paths import config_path


def configured_language(config_file: Path | None) -> str:
    """Return the setting ``language``, or "" if it can't be read: the command that needs it reports why."""
    path = config_file or config_path()
    if path is None:
        return ""
    try:
        text = read_text(path)
        from tomllib import loads  # noqa: PLC0415 - what a device without a configuration never needs

        language = loads(text).get("language", "")
    except (OSError, ValueError, RecursionError):
        return ""
    return language if isinstance(language, str) else ""
