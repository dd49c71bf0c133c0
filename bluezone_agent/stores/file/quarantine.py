"""Damaged stores in quarantine, until they are as old as anything that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS

QUARANTINED: Final = "agent.damaged-"
"""The prefix of the names of quarantined files."""
LOG_NAMES: Final = ("-wal", "-shm")
"""SQLite's files next to the main one; the first contains the newest commits."""


def quarantined_stores(state_dir: Path) -> list[Path]:
    """Return the quarantined files, without their logs."""
    return sorted(p for p in state_dir.glob(f"{QUARANTINED}*") if not p.name.endswith(LOG_NAMES))


def delete_old(state_dir: Path, now_s: float) -> list[Path]:
    """Delete what was quarantined 14 days ago, like all other data of that age; return the deleted files."""
    limit_s = now_s - RETENTION_DAYS * DAY_S
    old = [p for p in state_dir.glob(f"{QUARANTINED}*") if p.stat().st_mtime < limit_s]
    for path in old:
        path.unlink()
    return old
