"""Radios: real Bluetooth, a simulated air, recordings. Each is a package, and one line in :data:`RADIOS`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.multi_adapter import NamedAdapter, SeveralRadios
from bluezone_agent.radios.options import RadioOptions, kind
from bluezone_agent.radios.recorded.recording import RecordingRadio

RADIOS: Final = {
    "auto": "auto",
    "kernel": "kernel.radio",
    "bluez": "bluez.radio",
    "hci": "hci.radio",
    "virtual": "simulated.neighbours",
    "replay": "recorded.replay",
}
"""Kind of a radio → the module here whose ``open_radio(name, clock, options)`` creates one. It is imported when a
configuration names it: a Bluetooth stack takes a second to load on a small device."""


def make_radio(
    names: str | Sequence[str],
    clock: Clock,
    *,
    record: Path | None = None,
    plan: str = "auto",
    allow_linkable: Sequence[str] = (),
    purpose: str = "agent",
) -> Radio:
    """Return the radio that a configuration names.

    ``auto``, ``kernel:hci0``, ``bluez:hci0``, ``hci:0``, ``virtual`` or ``replay:FILE``; after ``auto:``, ``kernel:``
    and ``bluez:`` also an adapter's address, ``AA:BB:CC:DD:EE:FF``.

    If there are several names, the first one advertises, and all listen. ``plan`` and ``allow_linkable`` are for BlueZ;
    ``purpose`` is who uses the radio, for the kernel's broker.
    With ``record`` everything that the radio receives is also written to that file. Raises RecordingError when a
    recording can't be read, ValueError for another name (the configuration refuses it first).
    """
    options = RadioOptions(plan, tuple(allow_linkable), purpose)
    several = [names] if isinstance(names, str) else list(names)
    each = [NamedAdapter(name, _make(name, clock, options)) for name in several]
    radio = each[0].radio if len(each) == 1 else SeveralRadios(each, clock)
    return radio if record is None else RecordingRadio(radio, record)


def _make(name: str, clock: Clock, options: RadioOptions) -> Radio:
    if kind(name) not in RADIOS:
        raise ValueError(f"unknown radio {name!r}")
    module = import_module(f"{__name__}.{RADIOS[kind(name)]}")
    return cast("Radio", module.open_radio(name, clock, options))
