"""What the owner is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning, or news of the owner's own device."""

    title: str
    body: str
