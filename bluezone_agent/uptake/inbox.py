"""Where reports of lower levels are kept, and whose are accepted."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_
from bluezone_agent.files import read_text, replace
from bluezone_agent.uptake.folder import MERGED, TRUSTED, UptakeFolder
from bluezone_agent.uptake.signing import PUBLIC_KEY
from bluezone_agent.uptake.units import UptakeError, csv_rows, normal

SUFFIX: Final = ".zip"
UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")


def kept(folder: UptakeFolder) -> list[Path]:
    """Return the merged reports of a folder."""
    return sorted((folder.path / MERGED).glob(f"*{SUFFIX}"))


def kept_at(folder: UptakeFolder, unit: str) -> Path:
    """Return where the report of a unit is kept."""
    name = UNSAFE.sub("_", unit)[:40] + "-" + hashlib.sha256(unit.encode()).hexdigest()[:8]
    return folder.path / MERGED / (name + SUFFIX)


def read_trusted(folder: UptakeFolder) -> dict[str, str]:
    """Return the public key of each unit whose reports this folder accepts. Raises UptakeError, OSError."""
    path = folder.path / TRUSTED
    if not path.exists():
        return {}
    return {
        normal(row[0]): row[1].strip().lower()
        for _line, row in csv_rows(read_text(path).split("\n"), path)
        if len(row) == 2
    }


def trust(folder: UptakeFolder, unit: str, key: str) -> str | None:
    """Accept reports of ``unit`` that ``key`` signed; return the key that it replaces. Raises UptakeError, OSError."""
    tree = folder.own_units()
    unit = tree.units[tree.require(unit)].unit
    if not PUBLIC_KEY.fullmatch(key.strip().lower()):
        raise UptakeError(
            N_("this is not a public key: 64 digits and letters from a to f are expected"),
            N_('copy it from what "bluezone-agent uptake submit" printed there, and compare it by telephone'),
        )
    keys = read_trusted(folder)
    before = keys.get(unit)
    keys[unit] = key.strip().lower()
    lines = "".join(f'"{name.replace(chr(34), chr(34) * 2)}",{value}\n' for name, value in sorted(keys.items()))
    replace(folder.path / TRUSTED, lines.encode())
    return before
