"""Settings of a radio besides its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST_ADAPTER: Final = "hci0"
"""What ``auto`` means."""
THROUGH_BROKER: Final = frozenset({"auto", "kernel"})
"""The kinds of radio that can use the kernel's broker."""


@dataclass(frozen=True, slots=True)
class RadioOptions:
    """Settings for the radios of this machine's adapters; the others have none."""

    plan: str = "auto"
    """How it advertises: see ``radios.bluez.controller_quirks``."""
    allow_linkable: tuple[str, ...] = ()
    """What the operator allows although it makes identifiers linkable."""
    purpose: str = "agent"
    """Who uses it: ``agent``, ``trial``, ``calibrate`` or ``selftest``."""


def kind(name: str) -> str:
    """Return the kind in a radio's name: ``bluez`` of ``bluez:hci0``."""
    return name.partition(":")[0]


def argument(name: str) -> str:
    """Return the part after the kind in a radio's name: ``hci0`` of ``bluez:hci0``."""
    return name.partition(":")[2]
