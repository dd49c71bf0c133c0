"""The radio that a configuration names."""

from __future__ import annotations

from pathlib import Path

from bluezone_agent.config import Config
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios import make_radio


def configured_radio(config: Config, clock: Clock, *, record: Path | None = None) -> Radio:
    """Return the configured radio, of several one that uses them all; with ``record`` every advert is written there."""
    return make_radio(config.radios, clock, record=record, plan=config.radio_plan, allow_linkable=config.allow_linkable)
