"""Everything gone."""

from __future__ import annotations

from pathlib import Path

from bluezone_agent.actions import wipe as wiping
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.result import Result
from bluezone_agent.config import Config
from bluezone_agent.errors import ConfigError


class WipePlan(Result, frozen=True, kw_only=True):
    """What would be deleted besides the state."""

    elsewhere: tuple[Path, ...]
    """Files outside of the state that the agent writes by its configuration."""
    unknown: ConfigError | None
    """Why it can't be known which these are; the state can go all the same."""


class Wiped(Result, frozen=True, kw_only=True):
    """What was deleted."""

    deleted: tuple[Path, ...]


def plan_wipe(device: Device) -> WipePlan:
    """Return what else a wipe deletes; raises StateInUseError while an agent runs."""
    config, unknown = Config(), None
    try:
        config = configuration(device)
    except ConfigError as error:
        unknown = error
    wiping.require_stopped(device.state_dir)
    return WipePlan(elsewhere=tuple(wiping.written_elsewhere(config)), unknown=unknown)


def wipe(device: Device, plan: WipePlan) -> Wiped:
    """Delete the state and what was planned; raises StateInUseError, StoreError."""
    return Wiped(deleted=tuple(wiping.wipe(device.state_dir, list(plan.elsewhere))))
