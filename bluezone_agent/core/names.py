"""Names that a configuration may contain, for whoever checks it without deriving a key."""

from __future__ import annotations

from typing import Final

PROTOCOL_NAMES: Final = ("bluezone", "gaen")
"""Of every protocol in :data:`bluezone_agent.core.protocols.PROTOCOLS`, in its order."""
