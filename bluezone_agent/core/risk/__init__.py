"""Risk models: they turn a day's minutes into a number, and say when it is enough to warn.

A model is one file that answers :class:`RiskModel` and one line in :data:`MODELS`.
"""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.risk.bluezone import Bluezone
from bluezone_agent.core.risk.gaen_v2 import own_model, presets
from bluezone_agent.core.risk.learned import trained
from bluezone_agent.core.risk.model import RiskModel

MODELS: Final[dict[str, RiskModel]] = {model.name: model for model in (*presets(), Bluezone(), trained())}
DEFAULT_MODEL: Final = "agent"


__all__ = ["DEFAULT_MODEL", "MODELS", "RiskModel", "own_model"]
