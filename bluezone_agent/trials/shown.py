"""How much a figure of a report shows."""

from __future__ import annotations

from typing import Final

MOST_RECEIVERS: Final = 12
"""Over time."""
MOST_PAIRS: Final = 60
"""In the figure of windows with a packet."""
