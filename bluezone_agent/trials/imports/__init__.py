"""Recordings of others as trials: one module for each source, with a function ``read``, and one line here."""

from __future__ import annotations

from typing import Final

KINDS: Final = {
    "dp3t": "dp3t",
    "mit-matrix": "mit_matrix",
    "danis": "danis",
    "multi-channel": "multi_channel",
    "range-angle": "range_angle",
    "herald": "herald",
}
"""What ``trial import`` reads → its module in this package; it needs the packages of the extra ``trials``."""
