"""Rooms on the simulated air, as pairs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from functools import cache
from random import Random

import numpy as np

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.protocols import decode
from bluezone_agent.core.reception import Advert
from bluezone_agent.radios.simulated.air import Air, Motion, Position, Propagation
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.scoring.known_time import FIRST_MINUTE, KnownTime
from bluezone_agent.trials.scoring.pairs import Pair
from tests.radio_contract import advertisements

STATED_TX_POWER_DBM = -12
NEAR_M = 2.0
LIKE_LIFE = Propagation(loss_at_1m_db=50.0, decade_db=12.0, body_db=8.0, shadowing_db=5.0, fading_db=5.0)
"""Decade and scatter as among the people of exp34."""


def virtual(
    seed: int, people: int = 8, minutes: int = 30, room_m: float = 9.0, schedule: Schedule | None = None
) -> list[Pair]:
    """Return a simulated room of people who stand in groups and change them every few minutes, heard once a second."""
    paths, received = _simulated(seed, people, minutes, room_m)
    seconds = np.arange(0.0, minutes * 60.0)
    places = np.array([[path[int(t) // 60][:2] for t in seconds] for path in paths])
    return [
        Pair(
            f"room {seed}",
            str(receiver),
            str(sender),
            _counted(received.get((receiver, sender), []), schedule),
            STATED_TX_POWER_DBM,
            KnownTime.of_points(seconds, np.linalg.norm(places[receiver] - places[sender], axis=1) <= NEAR_M),
        )
        for receiver in range(people)
        for sender in range(people)
        if sender != receiver
    ]


@cache
def _simulated(
    seed: int, people: int, minutes: int, room_m: float
) -> tuple[list[list[Position]], dict[tuple[int, int], list[tuple[float, int]]]]:
    random = Random(f"room/{seed}")
    paths = [_wander(random, minutes, room_m) for _ in range(people)]
    return paths, run_simulated(_listen(seed, paths, minutes * 60))


def _counted(packets: Sequence[tuple[float, int]], schedule: Schedule | None) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = {}
    for t_s, rssi_dbm in packets:
        if schedule is None or t_s % schedule.every_s < schedule.on_s:
            of_minute = found.setdefault(FIRST_MINUTE + int(t_s // 60), {})
            of_minute[rssi_dbm] = of_minute.get(rssi_dbm, 0) + 1
    return found


def _wander(random: Random, minutes: int, room_m: float) -> list[Position]:
    """Return a place a minute: some minutes at one of five tables, a step or two from it, then at another."""
    path: list[Position] = []
    while len(path) < minutes:
        table = random.randrange(5)
        x, y = (table % 3) * room_m / 2, (table // 3) * room_m / 2
        seat = Position(x + random.gauss(0, 0.8), y + random.gauss(0, 0.8), random.uniform(0, 2 * math.pi))
        path += [seat] * random.randrange(3, 15)
    return path[:minutes]


async def _listen(
    seed: int, paths: list[list[Position]], seconds: int
) -> dict[tuple[int, int], list[tuple[float, int]]]:
    random = Random(f"devices/{seed}")
    loop = asyncio.get_running_loop()
    air = Air(loop.time, seed=seed, propagation=LIKE_LIFE, advert_interval_s=1.0)
    received: dict[tuple[int, int], list[tuple[float, int]]] = {}
    owners = {
        decode(advertising_data): number for number, advertising_data in enumerate(advertisements("gaen", len(paths)))
    }
    async with asyncio.TaskGroup() as listeners:
        tasks = []
        for number, (path, advertising_data) in enumerate(zip(paths, advertisements("gaen", len(paths)), strict=True)):
            radio = air.radio(
                SimulatedClock(0.0),
                _along(path),
                tx_power_dbm=STATED_TX_POWER_DBM + random.gauss(0, 2),
                rx_offset_db=random.gauss(0, 2),
            )
            await radio.advertise(advertising_data)

            def note(advert: Advert, receiver: int = number) -> None:
                key = (receiver, owners[decode(advert.advertising_data)])
                received.setdefault(key, []).append((advert.received_at_s, advert.rssi_dbm))

            tasks.append(listeners.create_task(radio.listen(note)))
        await asyncio.sleep(seconds - 0.5)
        for task in tasks:
            task.cancel()
    return received


def _along(path: list[Position]) -> Motion:
    return lambda t: path[min(int(t) // 60, len(path) - 1)]
