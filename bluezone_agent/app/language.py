"""The language of a device's configuration, for what is said before that is needed, or where it never is."""

from __future__ import annotations

from pathlib import Path

from bluezone_agent.files import read_text
from bluezone_agent.paths import config_path


def configured_language(config_file: Path | None) -> str:
    """Return the setting ``language``; nothing where it can't be read: who needs the rest says what is wrong."""
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
