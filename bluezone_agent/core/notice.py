"""Notices for the owner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning, or news about the owner's device."""

    title: str
    body: str
