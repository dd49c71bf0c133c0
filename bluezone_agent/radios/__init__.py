"""Radios: real Bluetooth, a simulated air, recordings. One file each, one line in :func:`make_radio`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluezone_agent.ports import Clock, Radio


def make_radio(name: str, clock: Clock, *, record: Path | None = None) -> Radio:
    """Return the radio that a configuration names: ``bluez:hci0``, ``hci:0``, ``virtual`` or ``replay:FILE``.

    With ``record`` everything it hears is written to that file as well. Raises RecordingError when a
    recording can't be read, ValueError for another name (the configuration refuses it first). Each radio's
    module is imported only here: a Bluetooth stack takes a second to load on a small device.
    """
    radio = _make(name, clock)
    if record is None:
        return radio
    from bluezone_agent.radios.recording import RecordingRadio  # noqa: PLC0415

    return RecordingRadio(radio, record)


def _make(name: str, clock: Clock) -> Radio:
    kind, _colon, argument = name.partition(":")
    if kind == "bluez":
        from bluezone_agent.radios.bluez import BluezRadio  # noqa: PLC0415

        return BluezRadio(argument, clock)
    if kind == "hci":
        from bluezone_agent.radios.hci import HciRadio  # noqa: PLC0415

        return HciRadio(argument, clock)
    if kind == "virtual":
        from bluezone_agent.radios.neighbours import neighbourhood  # noqa: PLC0415

        return neighbourhood(clock)
    if kind == "replay":
        from bluezone_agent.radios.recording import read_recording  # noqa: PLC0415
        from bluezone_agent.radios.replay import ReplayRadio  # noqa: PLC0415

        return ReplayRadio(read_recording(Path(argument)), clock, name)
    raise ValueError(f"unknown radio {name!r}")
