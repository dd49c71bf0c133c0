"""Radios: real Bluetooth, a simulated air, recordings. One file each, one line in :func:`make_radio`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluezone_agent.ports import Clock, Radio


def make_radio(
    names: str | Sequence[str],
    clock: Clock,
    *,
    record: Path | None = None,
    plan: str = "auto",
    allow_linkable: Sequence[str] = (),
) -> Radio:
    """Return the radio that a configuration names: ``bluez:hci0``, ``hci:0``, ``virtual`` or ``replay:FILE``.

    Of several names the first one broadcasts, and all listen. ``plan`` and ``allow_linkable`` are BlueZ's.
    With ``record`` everything it hears is written to that file as well. Raises RecordingError when a
    recording can't be read, ValueError for another name (the configuration refuses it first). Each radio's
    module is imported only here: a Bluetooth stack takes a second to load on a small device.
    """
    several = [names] if isinstance(names, str) else list(names)
    each = [(name, _make(name, clock, plan, allow_linkable)) for name in several]
    radio = each[0][1] if len(each) == 1 else _several(each, clock)
    if record is None:
        return radio
    from bluezone_agent.radios.recorded.recording import RecordingRadio  # noqa: PLC0415

    return RecordingRadio(radio, record)


def _several(each: Sequence[tuple[str, Radio]], clock: Clock) -> Radio:
    from bluezone_agent.radios.multi_adapter import NamedAdapter, SeveralRadios  # noqa: PLC0415

    return SeveralRadios([NamedAdapter(name, radio) for name, radio in each], clock)


def _make(name: str, clock: Clock, plan: str, allow_linkable: Sequence[str]) -> Radio:
    kind, _colon, argument = name.partition(":")
    if kind == "bluez":
        from bluezone_agent.radios.bluez.radio import BluezRadio  # noqa: PLC0415

        return BluezRadio(argument, clock, plan=plan, allow_linkable=allow_linkable)
    if kind == "hci":
        from bluezone_agent.radios.hci.radio import HciRadio  # noqa: PLC0415

        return HciRadio(argument, clock)
    if kind == "virtual":
        from bluezone_agent.radios.simulated.neighbours import neighbourhood  # noqa: PLC0415

        return neighbourhood(clock)
    if kind == "replay":
        from bluezone_agent.radios.recorded.recording import read_recording  # noqa: PLC0415
        from bluezone_agent.radios.recorded.replay import ReplayRadio  # noqa: PLC0415

        return ReplayRadio(read_recording(Path(argument)), clock, name)
    raise ValueError(f"unknown radio {name!r}")
