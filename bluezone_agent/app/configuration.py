"""The configuration of a device, and the rule that it names."""

from __future__ import annotations

from bluezone_agent.app.device import Device
from bluezone_agent.config import Config, load, risk_model
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.i18n import use_language


def configuration(device: Device) -> Config:
    """Read the configuration and switch to its language; raises ConfigError."""
    config = load(device.config_file)
    if config.language:
        use_language(config.language)
    return config


def rule_in_force(config: Config) -> RiskModel:
    """Return the configured risk rule; raises ConfigError."""
    return risk_model(config.rule, "rule")
