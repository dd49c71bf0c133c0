"""Where case files come from. A new kind of source is one file and one line in :func:`open_source`."""

from __future__ import annotations

from pathlib import Path

from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.key_sources.directory import DirectorySource
from bluezone_agent.ports import CaseKeySource


def open_source(location: str) -> CaseKeySource:
    """Return the source at a folder, a file, or the URL of a folder with an ``index.txt``; nothing is read yet.

    Raises ConfigError when the location can't be a source.
    """
    scheme, is_url, _ = location.partition("://")
    if not is_url:
        return DirectorySource(Path(location).expanduser())
    if scheme not in {"http", "https"}:
        raise ConfigError(
            N_('location = "{location}" is neither a path nor an http address'),
            N_("name a folder by its path, or an https URL"),
            location=location,
        )
    from bluezone_agent.key_sources.http import HttpSource  # noqa: PLC0415 - imports httpx2

    return HttpSource(location)
