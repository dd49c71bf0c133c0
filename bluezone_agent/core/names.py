"""Names that a configuration may contain, so that it can be checked without deriving a key."""

from __future__ import annotations

from typing import Final

PROTOCOL_NAMES: Final = ("bluezone", "gaen")
"""The names of all protocols in :data:`bluezone_agent.core.protocols.PROTOCOLS`, in its order."""
