"""The configured radio."""

from __future__ import annotations

from pathlib import Path

from bluezone_agent.config import Config
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios import make_radio


def configured_radio(config: Config, clock: Clock, *, record: Path | None = None, purpose: str = "agent") -> Radio:
    """Return the configured radio, or one that combines several; with ``record`` it records every advertisement.

    ``purpose`` is who uses it: ``agent``, ``trial``, ``calibrate`` or ``selftest``. A running agent leaves the kernel's
    radio to the others for as long as they use it.
    """
    return make_radio(
        config.radios,
        clock,
        record=record,
        plan=config.radio_plan,
        allow_linkable=config.allow_linkable,
        purpose=purpose,
    )
