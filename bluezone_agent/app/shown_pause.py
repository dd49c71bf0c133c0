"""A pause as shown to people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.pauses import Mode, Pause


class ShownPause(Result, frozen=True, kw_only=True):
    """What is paused, and until when."""

    mode: Mode
    until: datetime

    @classmethod
    def of(cls, pause: Pause) -> Self:
        """Return the answer for ``pause``."""
        return cls(mode=pause.mode, until=utc(pause.ends_at_s))
