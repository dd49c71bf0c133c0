"""Deletes all data of the agent."""

from __future__ import annotations

from pathlib import Path

from bluezone_agent.actions import wipe as wiping
from bluezone_agent.app import page_files
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.page_folder import page_folder
from bluezone_agent.app.result import Result
from bluezone_agent.config import Config
from bluezone_agent.errors import ConfigError


class WipePlan(Result, frozen=True, kw_only=True):
    """What would be deleted in addition to the state."""

    elsewhere: tuple[Path, ...]
    """Files outside the state that the agent writes: those that the configuration names, and its owner's page."""
    unknown: ConfigError | None
    """Why these files can't be determined; the state can be deleted nevertheless."""


class Wiped(Result, frozen=True, kw_only=True):
    """What was deleted."""

    deleted: tuple[Path, ...]


def plan_wipe(device: Device) -> WipePlan:
    """Return what a wipe deletes in addition; raises StateInUseError while an agent runs."""
    config, unknown = Config(), None
    try:
        config = configuration(device)
    except ConfigError as error:
        unknown = error
    wiping.require_stopped(device.state_dir)
    of_page = (*page_files.written(page_folder()), *page_files.kept(device.state_dir))
    return WipePlan(elsewhere=(*wiping.written_elsewhere(config), *of_page), unknown=unknown)


def wipe(device: Device, plan: WipePlan) -> Wiped:
    """Delete the state and the planned files; raises StateInUseError, StoreError."""
    return Wiped(deleted=tuple(wiping.wipe(device.state_dir, list(plan.elsewhere))))
