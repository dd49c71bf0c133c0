"""One fault brought back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of a line or two."""

    name: str
    fault: str
    file: str
    """Below ``bluezone_agent/``."""
    old: str
    """Stands there once."""
    new: str
    test: str
    """What pytest is told to run, and has to fail."""
