"""Coefficients of the model "learned" (learned.py says what they multiply).

Made by "python -m benchmarks.proximity.train DATA_DIR" from DP-3T's experiment exp34 (people acting six scenes; data
(C) EPFL and ETH Zurich, CC BY-ND 4.0, not contained here) and rooms on the simulated air. Not to be edited by hand.
"""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.risk.learned import Coefficients, Window

COEFFICIENTS: Final = Coefficients(
    bias=-4.43,
    nothing_up_to=0.25,
    whole_from=0.45,
    variance_min=4.8,
    windows=(
        Window(0, (0.343, 0.312, 0.35, 0.013, 0.225, 0.901, 1.789, 0.621)),
        Window(7, (0.039, 0.464, 0.75, 0.408, 0.235, 0.0, 0.0, 0.0)),
    ),
)
