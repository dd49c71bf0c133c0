"""What a configuration says of its radios besides their names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RadioOptions:
    """Settings that BlueZ's radio follows; the others have none."""

    plan: str = "auto"
    """How it broadcasts: see ``radios.bluez.controller_quirks``."""
    allow_linkable: tuple[str, ...] = ()
    """What the operator accepts although it links identifiers."""


def argument(name: str) -> str:
    """Return what follows the kind in a radio's name: ``hci0`` of ``bluez:hci0``."""
    return name.partition(":")[2]
