"""Coefficients of the model "learned" (learned.py says what they multiply).

Made by "python -m benchmarks.proximity.train DATA_DIR" from DP-3T's experiment exp34 (people acting six scenes; data
(C) EPFL and ETH Zurich, CC BY-ND 4.0, not contained here) and rooms on the simulated air. Not to be edited by hand.
"""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.risk.learned import Coefficients, Window

COEFFICIENTS: Final = Coefficients(
    bias=-3.048,
    nothing_up_to=0.25,
    whole_from=0.4,
    variance_min=5.7,
    windows=(
        Window(0, (0.313, 0.249, 0.555, 0.05, 0.327, 0.719, 0.967, 0.213)),
        Window(7, (0.0, 0.608, 0.405, 0.0, 0.0, 0.0, 0.0, 0.0)),
    ),
)
