"""Pauses that the owner requests."""

from __future__ import annotations

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.result import Result
from bluezone_agent.app.shown_pause import ShownPause
from bluezone_agent.core.pauses import Mode
from bluezone_agent.daemon import pause_control
from bluezone_agent.stores.store import Store


class Paused(Result, frozen=True, kw_only=True):
    """The pause that is in force now."""

    pause: ShownPause


class Resumed(Result, frozen=True, kw_only=True):
    """The pause that ended; None where nothing was paused."""

    was: ShownPause | None


def pause(device: Device, lasts_s: float, *, protected: bool) -> Paused:
    """Pause for ``lasts_s``, immediately if an agent runs, else from its next start; raises StateInUseError."""
    clock = system_clock(configuration(device))
    with Store(device.state_dir) as store:
        asked = pause_control.pause(store, clock, Mode.PROTECTED if protected else Mode.PAUSED, lasts_s)
    return Paused(pause=ShownPause.of(asked))


def resume(device: Device) -> Resumed:
    """End any pause; raises StateInUseError when an agent runs and does not answer."""
    with Store(device.state_dir) as store:
        was = pause_control.resume(store)
    return Resumed(was=None if was is None else ShownPause.of(was))
