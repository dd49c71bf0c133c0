"""Settings of a radio besides its name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RadioOptions:
    """Settings for BlueZ's radio; the others have none."""

    plan: str = "auto"
    """How it advertises: see ``radios.bluez.controller_quirks``."""
    allow_linkable: tuple[str, ...] = ()
    """What the operator allows although it makes identifiers linkable."""


def argument(name: str) -> str:
    """Return the part after the kind in a radio's name: ``hci0`` of ``bluez:hci0``."""
    return name.partition(":")[2]
