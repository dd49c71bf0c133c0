"""Coefficients of the model "learned" (learned.py says what they multiply).

Made by "python -m benchmarks.proximity.train DATA_DIR" from DP-3T's experiment exp34 (people acting six scenes; data
(C) EPFL and ETH Zurich, CC BY-ND 4.0, not contained here) and rooms on the simulated air. Not to be edited by hand.
"""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.risk.learned import Coefficients, Window

COEFFICIENTS: Final = Coefficients(
    bias=-4.939,
    nothing_up_to=0.25,
    whole_from=0.45,
    variance_min=4.7,
    windows=(
        Window(0, (0.529, 0.329, 0.372, 0.042, 0.23, 0.881, 1.897, 0.849, 0.389, 0.0, 0.0)),
        Window(7, (0.194, 0.442, 0.784, 0.359, 0.242, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    ),
)
