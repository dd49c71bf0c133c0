"""Risk models: they turn a day's minutes into a number, and define when it is enough for a warning.

A model is one file with a :class:`RiskModel` and one line in :data:`MODELS`.
"""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.risk.bluezone import BluezoneRule
from bluezone_agent.core.risk.gaen_v2_presets import PRESETS
from bluezone_agent.core.risk.learned import LearnedProximityModel
from bluezone_agent.core.risk.learned_coefficients import COEFFICIENTS
from bluezone_agent.core.risk.model import RiskModel
from bluezone_agent.core.risk.rule_file import own_model

MODELS: Final[dict[str, RiskModel]] = {
    model.name: model for model in (*PRESETS, BluezoneRule(), LearnedProximityModel(COEFFICIENTS))
}
DEFAULT_MODEL: Final = "learned"
RENAMED_MODELS: Final = {"agent": "learned"}
"""Models that were renamed: configurations and options with the old name still work."""


__all__ = ["DEFAULT_MODEL", "MODELS", "RENAMED_MODELS", "RiskModel", "own_model"]
