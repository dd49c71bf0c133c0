"""Stores that commits of the past wrote (tests/data/stores/README.md)."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

from bluezone_agent.stores.file.open import FILE_NAME

STORES: Final = Path(__file__).resolve().parents[1] / "data" / "stores"
SCHEMAS: Final = tuple(sorted(path.name.removesuffix(".db.gz") for path in STORES.glob("*.db.gz")))


def written_at(schema: str, state_dir: Path) -> Path:
    """Put the store of ``schema`` into a new ``state_dir``, 0600; return its path."""
    state_dir.mkdir(mode=0o700)
    path = state_dir / FILE_NAME
    path.touch(0o600)
    path.write_bytes(gzip.decompress((STORES / f"{schema}.db.gz").read_bytes()))
    return path
