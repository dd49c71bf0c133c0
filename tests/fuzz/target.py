"""What a parser is to the fuzzer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import (
    AgentError,
)
from tests.diagnosis_keys import AUTHORITY, daily_key
from tests.fuzz.damage import Change

SECRET: Final = "5ec2e7c0ffee5ec2e7c0ffee5ec2e7ab"
"""Stands in good inputs wherever something secret would; no error may repeat half of it."""
KEYS: Final = [daily_key(name, days_ago=days) for name in PROTOCOLS for days in (1, 2)]
TRUST: Final = AUTHORITY.verification_key


@dataclass(frozen=True, slots=True)
class Target:
    """One parser. ``read`` gets the input and a folder that is empty, for what is read from a file."""

    seeds: tuple[bytes, ...]
    read: Callable[[bytes, Path], object]
    """Raises AssertionError where what was read breaks a rule."""
    refusals: tuple[type[AgentError], ...] = ()
    inside: tuple[Change, ...] = ()
    """Changes that know the format."""
    cost: int = 1
    """How many times as long it takes as a parser of a few microseconds; it gets fewer mutants."""


def from_file(read: Callable[[Path], object], name: str) -> Callable[[bytes, Path], None]:
    """Return what writes the input to a file of that name, reads it, and sees that the file stayed as it was."""

    def read_written(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        try:
            read(path)
        finally:
            assert path.read_bytes() == data, "the file was changed"

    return read_written
