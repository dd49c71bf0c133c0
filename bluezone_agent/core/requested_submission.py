"""What the owner asks on their page to submit to the key server."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

import msgspec

from bluezone_agent.core.intervals import RETENTION_DAYS

CODE: Final = "^[0-9A-Za-z-]{0,64}$"
"""A code of the verification server: digits, or up to 16 letters and digits; people also write it in groups."""


class RequestedSubmission(msgspec.Struct, frozen=True):
    """What the owner has answered and agreed to."""

    code: Annotated[str, msgspec.Meta(pattern=CODE)]
    """From the health authority; empty to try again after a failure of the network."""
    days: Annotated[int, msgspec.Meta(ge=1, le=RETENTION_DAYS)]
    onset: date | None
    traveler: bool
    language: str
    """For errors."""

    def __repr__(self) -> str:
        return f"RequestedSubmission(days={self.days})"
