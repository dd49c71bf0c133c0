"""Recordings at fixed distances, and the simulated air: loaders into the tidy form."""

from __future__ import annotations

import asyncio
import csv
import gzip
import math
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.proximity.tidy import Pair
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.protocols import decode
from bluezone_agent.core.reception import Advert
from bluezone_agent.radios.simulated.air import Air, Motion, Position, Propagation
from bluezone_agent.scenarios.measurements import Track, read_measurements
from tests.radio_contract import advertisements

DANIS_TX_POWER_DBM = -8
"""From its walks: ``python -m benchmarks.reference_power``."""
MIT_TX_POWER_DBM = -12
"""iPhones of a logging app at their default power; the set states none."""
STATED_TX_POWER_DBM = -12
LIKE_LIFE = Propagation(loss_at_1m_db=50.0, decade_db=12.0, body_db=8.0, shadowing_db=5.0, fading_db=5.0)
"""Decade and scatter as among the people of exp34."""


def danis(path: Path) -> list[Pair]:
    """Return the sessions of the Danis room; the beacon is the transmitter."""
    return [_danis_pair(track) for track in read_measurements(path)]


def _danis_pair(track: Track) -> Pair:
    t_s = np.array([s.t_s for s in track.samples])
    seconds = np.arange(0.0, t_s[-1], 1.0)
    nearest = np.searchsorted(t_s, seconds).clip(0, len(t_s) - 1)
    return Pair(
        "danis",
        track.session,
        track.receiver,
        "beacon",
        t_s,
        np.array([float(s.rssi_dbm) for s in track.samples]),
        DANIS_TX_POWER_DBM,
        seconds,
        np.array([s.distance_m for s in track.samples])[nearest],
    )


def mit(path: Path) -> list[Pair]:
    """Return the runs of MIT's matrix; the posture is the scene, and each run a pair."""
    runs: dict[str, list[tuple[float, float, float]]] = {}
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            runs.setdefault(row["run"], []).append(
                (float(row["t_s"]), float(row["rssi_dbm"]), float(row["distance_m"]))
            )
    return [_mit_pair(run, rows) for run, rows in sorted(runs.items())]


def _mit_pair(run: str, rows: list[tuple[float, float, float]]) -> Pair:
    t_s, rssi_dbm, distance_m = np.array(sorted(rows)).T
    seconds = np.arange(0.0, max(t_s[-1], 1.0), 1.0)
    return Pair(
        "mit",
        run.partition("_")[0],
        run,
        "beacon",
        t_s,
        rssi_dbm,
        MIT_TX_POWER_DBM,
        seconds,
        np.full(len(seconds), distance_m[0]),
    )


def virtual(seed: int, people: int = 8, minutes: int = 30, room_m: float = 9.0) -> list[Pair]:
    """Return a simulated room of people who stand in groups and change them every few minutes, heard once a second."""
    random = Random(f"room/{seed}")
    paths = [_wander(random, minutes, room_m) for _ in range(people)]
    received = run_simulated(_listen(seed, paths, minutes * 60))
    seconds = np.arange(0.0, minutes * 60.0)
    places = np.array([[path[int(t) // 60][:2] for t in seconds] for path in paths])
    return [
        Pair(
            "virtual",
            f"room {seed}",
            str(receiver),
            str(sender),
            np.array([t for t, _ in received.get((receiver, sender), [])]),
            np.array([float(rssi) for _, rssi in received.get((receiver, sender), [])]),
            STATED_TX_POWER_DBM,
            seconds,
            np.linalg.norm(places[receiver] - places[sender], axis=1),
        )
        for receiver in range(people)
        for sender in range(people)
        if sender != receiver
    ]


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
