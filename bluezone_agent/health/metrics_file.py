"""The file in which a collector of metrics finds those of the agent."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bluezone_agent.files import PUBLIC, replace

PREFIX: Final = "bluezone_agent_"
"""Of the name of each metric."""


def write(path: Path, text: str) -> None:
    """Put ``text`` into ``path`` at once, so that a reader never sees half of it; raises OSError."""
    replace(path, text.encode(), mode=PUBLIC, durable=False)  # the next minute brings the next, and a card wears
