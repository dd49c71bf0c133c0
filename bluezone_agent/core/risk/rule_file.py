"""A rule in a TOML file: parameters of Exposure Notification's model, or the coefficients of a fit (``trial fit``)."""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec

from bluezone_agent.core.risk.gaen_v2 import GaenV2, Parameters
from bluezone_agent.core.risk.learned import Coefficients, LearnedProximityModel
from bluezone_agent.core.risk.model import RiskModel


class FittedRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of a fit."""

    learned: Coefficients
    provenance: dict[str, Any] = {}
    """Where it comes from, and how it was judged: for people."""


def own_model(name: str, text: str) -> RiskModel:
    """Return the rule of a file's text, under ``name``; raises ValueError (msgspec's and tomllib's too)."""
    raw = tomllib.loads(text)
    if "learned" in raw:
        return LearnedProximityModel(msgspec.convert(raw, FittedRule).learned, name)
    return GaenV2(name, msgspec.convert(raw, Parameters))
