"""Field trials: making, checking, simulating and running them."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.result import Result, utc
from bluezone_agent.app.trial_run import trial_radio
from bluezone_agent.errors import N_
from bluezone_agent.ports import Radio
from bluezone_agent.trials import control
from bluezone_agent.trials.folder import TrialError, TrialFolder, make_folder
from bluezone_agent.trials.plan_rules import NAME
from bluezone_agent.trials.read_plan import parse_plan
from bluezone_agent.trials.simulate import simulate as simulate_nodes
from bluezone_agent.trials.templates import TEMPLATES, plan_text

ZONE: Final = re.compile(r".*/zoneinfo/(.+)")
BYTES_A_SECOND: Final = 300
"""Of one sender: 10 packets at 30 bytes, measured on the virtual air."""


class TrialMade(Result, frozen=True, kw_only=True):
    """A new trial."""

    folder: Path
    template: str
    devices: tuple[str, ...]
    minutes: float


class TrialCheck(Result, frozen=True, kw_only=True):
    """A plan without mistakes, and whether this device is ready for it."""

    name: str
    devices: tuple[str, ...]
    phases: tuple[str, ...]
    minutes: float
    starts_at: datetime | None
    """None if each device starts when it is told to."""
    disk_needed_mb: float
    """Of one device, at most."""
    disk_free_mb: float
    clock_synchronised: bool
    radio: str | None
    """Description of the radio that was opened; None if no device was named."""
    unrecognised: tuple[str, ...]
    """Phones and beacons that this device recognises only after ``trial mark --nearest``."""

    @property
    def ready(self) -> bool:
        """Whether nothing speaks against a start."""
        return self.clock_synchronised and self.disk_free_mb > self.disk_needed_mb


class NodeSimulation(Result, frozen=True, kw_only=True):
    """What a simulated device recorded."""

    device: str
    packets: dict[str, int]
    """By sender."""
    clock_offset_s: float
    """How far its clock was ahead."""


class TrialSimulation(Result, frozen=True, kw_only=True):
    """A simulated trial."""

    folder: Path
    minutes: float
    devices: tuple[NodeSimulation, ...]


def new(template: str, folder: Path) -> TrialMade:
    """Make the folder of a new trial from a template; raises TrialError for an unknown one, NewFileError."""
    if template not in TEMPLATES:
        raise TrialError(
            N_('there is no template "{template}"'),
            N_("choose one of: {choices}"),
            template=template,
            choices=", ".join(TEMPLATES),
        )
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.absolute().name).strip("-_")[:40]
    text = plan_text(template, name if NAME.fullmatch(name) else template, _system_zone())
    plan = parse_plan(text, folder)
    make_folder(folder, text.encode())
    return TrialMade(
        folder=folder,
        template=template,
        devices=tuple(device.id for device in plan.devices),
        minutes=round(plan.length_s / 60, 2),
    )


def check(device: Device, folder: Path, node: str | None, radio: str | None) -> TrialCheck:
    """Check the plan and the secret; with ``node`` also open that device's radio.

    Raises PlanError, TrialError, RadioUnavailableError.
    """
    config = configuration(device)
    trial = TrialFolder(folder)
    plan = trial.plan()
    trial.identifiers(plan)
    clock = system_clock(config)
    description = None
    if node is not None:
        participant = trial.participant(node)
        control.require_short(participant.folder)
        name = radio or participant.device.radio or plan.radio.radio
        description = asyncio.run(_description(trial_radio(config, participant, name, clock, lambda: None)))
    senders = sum(one.broadcasts for one in plan.devices)
    return TrialCheck(
        name=plan.trial.name,
        devices=tuple(one.id for one in plan.devices),
        phases=tuple(phase.name for phase in plan.phases),
        minutes=round(plan.length_s / 60, 2),
        starts_at=utc(plan.trial.start_s),
        disk_needed_mb=round(plan.length_s * senders * BYTES_A_SECOND / 1e6, 1),
        disk_free_mb=round(shutil.disk_usage(folder).free / 1e6, 1),
        clock_synchronised=clock.synchronised(),
        radio=description,
        unrecognised=tuple(
            one.id
            for one in plan.devices
            if not one.runs and not one.identifier and not (one.address and tells_addresses(description))
        ),
    )


def tells_addresses(radio: str | None) -> bool:
    """Return whether a radio, by its description, tells the addresses of senders to a trial; True for no radio."""
    return radio is None or radio.startswith(("bluez:", "virtual"))


async def _description(radio: Radio) -> str:
    async with radio:
        return radio.description


def simulate(folder: Path) -> TrialSimulation:
    """Simulate all devices of a trial; raises PlanError, TrialError if it has recordings already."""
    trial = TrialFolder(folder)
    plan = trial.plan()
    for device in (one for one in plan.devices if one.runs):
        if trial.device(device.id).exists():
            raise TrialError(
                N_("{path} has recordings already"),
                N_('make another folder with "bluezone-agent trial new", or remove {path} if you don\'t need them'),
                path=trial.device(device.id),
            )
    nodes = simulate_nodes(trial, plan)
    return TrialSimulation(
        folder=folder,
        minutes=round(plan.length_s / 60, 2),
        devices=tuple(
            NodeSimulation(device=n.device, packets=n.received, clock_offset_s=round(n.clock_offset_s, 3))
            for n in nodes
        ),
    )


def _system_zone() -> str:
    """Return the IANA name of the system's time zone, UTC where it has none."""
    found = ZONE.fullmatch(os.path.realpath("/etc/localtime"))
    return found[1] if found else "UTC"
