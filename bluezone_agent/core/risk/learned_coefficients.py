"""Coefficients of the model "learned" (learned.py describes what they multiply).

Made by "python -m benchmarks.proximity.train DATA_DIR" from DP-3T's experiment exp34 (people acting six scenes; data
(C) EPFL and ETH Zurich, CC BY-ND 4.0, not contained here) and rooms on the simulated air. Do not edit by hand.
"""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.risk.learned import Coefficients, Window

COEFFICIENTS: Final = Coefficients(
    bias=-4.521,
    nothing_up_to=0.25,
    whole_from=0.45,
    variance_min=4.7,
    windows=(
        Window(0, (0.466, 0.331, 0.378, 0.037, 0.241, 0.901, 1.821, 0.672)),
        Window(7, (0.18, 0.506, 0.749, 0.363, 0.234, 0.0, 0.0, 0.0)),
    ),
)
