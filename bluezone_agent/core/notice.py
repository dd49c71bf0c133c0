"""Notices for the owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning, or news about the owner's device."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What became of a notice on its channels."""

    channels: tuple[str, ...]
    """The names of all channels, those that were left out, too."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Channel that was tried in vain → why."""
    delivered: tuple[str, ...] = ()
    """The channels that delivered it now."""

    @property
    def failure(self) -> str:
        """Why it was not delivered everywhere, in one line; empty if nothing failed."""
        if len(self.channels) == 1:
            return next(iter(self.failures.values()), "")
        return "; ".join(f"{channel}: {reason}" for channel, reason in self.failures.items())
