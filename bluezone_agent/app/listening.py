"""When this device scanned, and when it did not."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.listening import NOT_RUNNING, Span

__all__ = ["NOT_RUNNING", "Gap", "Listened"]


class Listened(Result, frozen=True, kw_only=True):
    """A period in which the device scanned."""

    starts_at: datetime
    ends_at: datetime
    scan_mode: str

    @classmethod
    def of(cls, span: Span) -> Self:
        """Return the answer for ``span``."""
        return cls(starts_at=utc(span.starts_at_s), ends_at=utc(span.ends_at_s), scan_mode=span.scan_mode)


class Gap(Result, frozen=True, kw_only=True):
    """A period in which the device did not scan."""

    starts_at: datetime
    ends_at: datetime
    reason: str
    """A RadioFault, or NOT_RUNNING."""

    @classmethod
    def of(cls, span: Span) -> Self:
        """Return the answer for ``span``."""
        return cls(starts_at=utc(span.starts_at_s), ends_at=utc(span.ends_at_s), reason=span.reason)
