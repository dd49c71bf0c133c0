"""Sources of diagnosis key files. A new layout is one file, with an ``open_address``, and one line in
:data:`LAYOUTS`."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.ports import KeySource

__all__ = ["LAYOUTS", "SIGNED_ONLY", "SourceAddress", "layout_of", "open_source"]

LAYOUTS: Final = {
    "folder": "directory",
    "file": "single_file",
    "index": "google_index",
    "cwa": "cwa_tree",
    "dp3t": "dp3t_bundles",
}
"""Layout → the module here that opens it, imported when a source uses it."""
SIGNED_ONLY: Final = ("cwa", "dp3t")
"""Layouts of key exports, which are never accepted without their signature."""
FILE_SUFFIXES: Final = (".zip", ".json")


def layout_of(address: SourceAddress) -> str:
    """Return the layout of an address; raises ConfigError.

    If it names none, a path is a folder or file, and a URL is a file by its suffix, else the folder of an
    ``index.txt``.
    """
    layout = address.layout
    if not layout:
        scheme, is_url, _rest = address.location.partition("://")
        if is_url and scheme not in {"http", "https"}:
            raise ConfigError(
                N_('location = "{location}" is neither a path nor an http address'),
                N_("use the path of a folder, or an https URL"),
                location=address.location,
            )
        layout = "folder" if not is_url else "file" if address.location.endswith(FILE_SUFFIXES) else "index"
    if layout not in LAYOUTS:
        raise ConfigError(
            N_('[[source]] {location}: layout = "{layout}" is unknown'),
            N_("choose one of: {choices}"),
            location=address.location,
            layout=layout,
            choices=", ".join(LAYOUTS),
        )
    return layout


def open_source(where: str | SourceAddress) -> KeySource:
    """Return the source at an address; nothing is read yet. Raises ConfigError when this can't be a source."""
    address = where if isinstance(where, SourceAddress) else SourceAddress(where)
    module = import_module(f"{__name__}.{LAYOUTS[layout_of(address)]}")
    return cast("KeySource", module.open_address(address))
