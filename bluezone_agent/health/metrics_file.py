"""The metrics file of the agent, read by a collector."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bluezone_agent.files import PUBLIC, replace

PREFIX: Final = "bluezone_agent_"
"""Prefix of each metric's name."""


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically, so that readers never see a part of it; raises OSError."""
    replace(
        path, text.encode(), mode=PUBLIC, durable=False
    )  # the next minute rewrites it, and syncing wears the memory card
