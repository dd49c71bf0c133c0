"""Damaged stores that were set aside, until they are as old as anything that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS

QUARANTINED: Final = "agent.damaged-"
"""What the names of files set aside begin with."""
LOG_NAMES: Final = ("-wal", "-shm")
"""SQLite's files beside the main one; the first holds what was committed last."""


def quarantined_stores(state_dir: Path) -> list[Path]:
    """Return the files that were set aside, without their logs."""
    return sorted(p for p in state_dir.glob(f"{QUARANTINED}*") if not p.name.endswith(LOG_NAMES))


def delete_old(state_dir: Path, now_s: float) -> list[Path]:
    """Delete what was set aside 14 days ago, as everything else of that time; return what went."""
    limit_s = now_s - RETENTION_DAYS * DAY_S
    old = [p for p in state_dir.glob(f"{QUARANTINED}*") if p.stat().st_mtime < limit_s]
    for path in old:
        path.unlink()
    return old
