"""The files of the page's parts: the agent writes them into a folder in memory, the page reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

import msgspec

from bluezone_agent.app.page_parts import PARTS, Part
from bluezone_agent.app.result import as_json, from_json
from bluezone_agent.files import left_over, replace

READABLE_BY_GROUP: Final = 0o640
"""The group is the page's user: the folder gives it to every file (systemd/bluezone-page.tmpfiles.conf)."""

CERTIFICATE: Final = "page-certificate.pem"
LOGIN: Final = "page-login.json"
"""What the page on a network keeps, in its own state or beside the store of whoever starts it."""

P = TypeVar("P", bound=msgspec.Struct)


def write(folder: Path, name: str, part: Part) -> None:
    """Write one part; raises OSError."""
    replace(folder / f"{name}.json", as_json(part).encode(), mode=READABLE_BY_GROUP, durable=False)


def read(folder: Path, kind: type[P]) -> P | None:
    """Return one part, None if there is none, or only one of another version; raises OSError."""
    (name,) = (name for name, its_kind in PARTS.items() if its_kind is kind)
    try:
        text = (folder / f"{name}.json").read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
    return decoded(text, kind)


def written(folder: Path | None) -> list[Path]:
    """Return the files of all parts that there are."""
    if folder is None:
        return []
    paths = [folder / f"{name}.json" for name in PARTS]
    return [found for path in paths for found in (path, *left_over(path)) if found.is_file()]


def kept(state_dir: Path) -> list[Path]:
    """Return what a page keeps beside a store."""
    paths = [state_dir / CERTIFICATE, state_dir / LOGIN]
    return [found for path in paths for found in (path, *left_over(path)) if found.is_file()]


def decoded(text: str, kind: type[P]) -> P | None:
    """Return the part that a text is, None if it is of another version."""
    try:
        found: P = from_json(text, kind)
    except (msgspec.MsgspecError, ValueError):
        return None
    return found
