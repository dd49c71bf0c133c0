"""A trial on the virtual air: the same plan, recorder and code as with real radios, in simulated time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Final

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.simulated.air import Air, Motion, Position
from bluezone_agent.trials.folder import Participant, TrialFolder
from bluezone_agent.trials.geometry import simulated_place
from bluezone_agent.trials.node import Node
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.recorder import Recorder
from bluezone_agent.trials.simulated_phone import add_phones, with_addresses
from bluezone_agent.trials.write_device import write_device

STARTS_AT_S: Final = 1_796_094_000
"""2026-12-01 03:00 UTC, 10:00 in Vietnam: when a plan without a start is simulated."""
DEVICE_DEVIATION_DB: Final = 2.0
"""The deviation of a device's power from the stated one, and of its receiver."""
CLOCK_DEVIATION_S: Final = 2.0
"""How wrong a device's clock is at most."""
UNPLANNED_M: Final = 5.0
"""Before and after the phases the devices lie on a circle of this radius."""


@dataclass(frozen=True, slots=True)
class SimulatedNode:
    """What one device of a simulation received, and how wrong its clock was."""

    device: str
    clock_offset_s: float
    received: dict[str, int]
    """Sender → packets."""


def motion(plan: TrialPlan, device: str, began_s: Callable[[], float | None]) -> Motion:
    """Return where a device is as a function of true time; ``began_s`` returns the trial's true beginning."""
    names = [one.id for one in plan.devices]
    angle = 2 * math.pi * names.index(device) / len(names)
    waiting = Position(UNPLANNED_M * math.cos(angle), UNPLANNED_M * math.sin(angle))

    def at(unix_s: float) -> Position | None:
        since_s = began_s()
        found = None if since_s is None else plan.phase_at(unix_s - since_s)
        if found is None:
            return waiting
        since_phase_s, phase = found
        spot = simulated_place(phase, names, device, since_phase_s)
        return None if spot is None else Position(spot.x_m, spot.y_m, math.radians(spot.facing_deg))

    return at


def virtual_radio(participant: Participant, clock: Clock, began_s: Callable[[], float | None]) -> Radio:
    """Return a device's radio on an air of its own, on which the others are where the plan puts them."""
    plan, device, identifiers = participant.plan, participant.device.id, participant.identifiers
    air = Air(clock.now_s, seed=plan.trial.seed, advert_interval_s=plan.radio.interval_s)
    add_phones(air, plan, partial(motion, plan, began_s=began_s), began_s)

    def advertised(other: str) -> Callable[[float], AdvertisingData]:
        def at(unix_s: float) -> AdvertisingData:
            key, slot = identifiers.slot(other, identifiers.rotation_at(unix_s))
            return identifiers.protocol.encode(key, slot, plan.radio.tx_power_dbm)

        return at

    for other in plan.devices:
        if other.id != device and other.broadcasts and other.runs:
            air.observed(
                motion(plan, other.id, began_s), advertised(other.id), tx_power_dbm=float(plan.radio.tx_power_dbm)
            )
    return air.radio(clock, motion(plan, device, began_s), tx_power_dbm=float(plan.radio.tx_power_dbm))


def simulate(folder: TrialFolder, plan: TrialPlan, air: Callable[..., Air] = Air) -> list[SimulatedNode]:
    """Run all devices of a plan at once, as if each had the folder. Raises TrialError, OSError."""
    return run_simulated(_simulate(folder, plan, air))


async def _simulate(folder: TrialFolder, plan: TrialPlan, make_air: Callable[..., Air]) -> list[SimulatedNode]:
    epoch_s = plan.trial.start_s or float(STARTS_AT_S)
    early_s = CLOCK_DEVIATION_S if plan.trial.start_s else 0.0

    def true_s() -> float:
        return epoch_s - early_s + asyncio.get_running_loop().time()

    air = make_air(true_s, seed=plan.trial.seed, advert_interval_s=plan.radio.interval_s)
    plan = with_addresses(plan)
    add_phones(air, plan, partial(motion, plan, began_s=lambda: epoch_s), lambda: epoch_s)
    parts: list[asyncio.Task[SimulatedNode]] = []
    async with asyncio.TaskGroup() as nodes:
        for device in filter(lambda one: one.runs, plan.devices):
            random = Random(f"{plan.trial.seed}/{device.id}")
            offset_s = random.uniform(-CLOCK_DEVIATION_S, CLOCK_DEVIATION_S)
            clock = SimulatedClock(epoch_s - early_s, offset_s=offset_s)
            radio = air.radio(
                clock,
                motion(plan, device.id, lambda: epoch_s),
                tx_power_dbm=plan.radio.tx_power_dbm + random.gauss(0, DEVICE_DEVIATION_DB),
                rx_offset_db=random.gauss(0, DEVICE_DEVIATION_DB),
            )
            participant = replace(folder.participant(device.id), plan=plan)
            participant.make_folder()
            parts.append(nodes.create_task(_take_part(participant, radio, clock)))
    return [part.result() for part in parts]


async def _take_part(participant: Participant, radio: Radio, clock: SimulatedClock) -> SimulatedNode:
    with Recorder(participant, clock, durable=False) as recorder:
        node = Node(
            participant,
            radio,
            clock,
            recorder,
            opened=lambda opened: write_device(participant, opened, durable=False),
        )
        await node.run(asyncio.Event())
    return SimulatedNode(participant.device.id, clock.offset_s, dict(recorder.received))
