"""How right the live feed is: near or far against the true distance, and how soon a device comes and goes.

    python -m benchmarks.around

One whole agent for each device, on the simulated air, read through its socket. Both people face anywhere, and phones
send with -25 dBm, 2 dB more or less from model to model; the feed assumes -25 dBm for all.
"""

from __future__ import annotations

import asyncio
import logging
import math
import tempfile
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

import structlog

from bluezone_agent.app.around import live
from bluezone_agent.app.device import Device
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.attenuation import ASSUMED_TX_POWER_DBM, Closeness
from bluezone_agent.core.live_line import LiveLine
from bluezone_agent.core.neighbours import Neighbours
from bluezone_agent.core.packet_share import PacketShare
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert, Sighting, receive
from bluezone_agent.core.sightings import MinuteFold
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.radios.simulated.air import Air, Position
from bluezone_agent.radios.simulated.neighbours import rotating
from bluezone_agent.scenarios.cast import DAY_START_S, NEAR_M
from bluezone_agent.stores.store import StateLock, Store

DISTANCES_M: Final = (0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
SEEDS: Final = 40
COMES_S: Final = 10.4
STAYS_S: Final = 60.0
SETTLES_S: Final = 5.0
"""The first seconds are not judged."""
PEOPLE: Final = 200
A_SECOND: Final = 800
PACKETS: Final = 60 * A_SECOND
LOOKS: Final = 50
RECEIVED_M: Final = 4.0
"""Farther away many packets are too weak to be received at all."""
PHONE_SPREAD_DB: Final = 2.0


@dataclass(frozen=True, slots=True)
class Visit:
    """What the feed said of one device that came and went."""

    distance_m: float
    appeared_s: float
    """Seconds from its arrival to the first line with it; infinite for never."""
    gone_s: float
    """Seconds from its departure to the last line with it."""
    bands: tuple[Closeness, ...]
    """Its band in each line while it was there."""


def visit(seed: int, protocol: str, distance_m: float) -> Visit:
    """Let a phone of ``protocol`` come to ``distance_m``, stay for a minute and leave."""
    return run_simulated(_visit(seed, protocol, distance_m))


async def _visit(seed: int, protocol: str, distance_m: float) -> Visit:
    random = Random(f"{seed}/{protocol}/{distance_m}")
    clock = SimulatedClock(DAY_START_S + 3600)
    air = Air(clock.now_s, seed=seed)
    comes_s = DAY_START_S + 3600 + COMES_S
    leaves_s = comes_s + STAYS_S
    there = Position(distance_m, 0.0, random.uniform(0, 2 * math.pi))
    here = Position(0.0, 0.0, random.uniform(0, 2 * math.pi))
    power_dbm = random.gauss(ASSUMED_TX_POWER_DBM, PHONE_SPREAD_DB)
    phone = _phone(rotating(PROTOCOLS[protocol], random.randbytes))
    air.observed(lambda s: there if comes_s <= s < leaves_s else None, phone, tx_power_dbm=power_dbm)
    lines: list[tuple[float, LiveLine]] = []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store, StateLock(Path(folder)):
        agent = Agent(store, air.radio(clock, lambda _: here), clock, PROTOCOLS["bluezone"], -12, None)
        stop = asyncio.Event()

        async def look() -> None:
            await asyncio.sleep(5)
            async with aclosing(live(Device(Path(folder)))) as each:
                async for line in each:
                    lines.append((clock.now_s(), line))
                    if clock.now_s() > leaves_s + 40:
                        break
            stop.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(look())
            await agent.run(stop)
    seen = [(at_s, line.neighbours[0].closeness) for at_s, line in lines if line.neighbours]
    return Visit(
        distance_m,
        seen[0][0] - comes_s if seen else math.inf,
        seen[-1][0] - leaves_s if seen else math.nan,
        tuple(band for at_s, band in seen if comes_s + SETTLES_S <= at_s < leaves_s),
    )


def _phone(advertising_data_at: Callable[[float], AdvertisingData]) -> Callable[[float], AdvertisingData]:
    """Return the same without the TX power that the Bluezone app does not send."""
    return lambda unix_s: replace(advertising_data_at(unix_s), tx_power_dbm=None)


def main() -> None:
    """Print the bands at each distance, and how many lines are right."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    visits = [visit(s, protocol, d) for d in DISTANCES_M for s in range(SEEDS // 2) for protocol in PROTOCOLS]
    print(f"{len(visits)} visits of {STAYS_S:.0f} s, {SEEDS} at each distance; share of the lines")
    for distance_m in DISTANCES_M:
        bands = [band for v in visits if v.distance_m == distance_m for band in v.bands]
        print(
            f"{distance_m:5.1f} m: " + ", ".join(f"{band} {bands.count(band) / len(bands):4.0%}" for band in Closeness)
        )
    near = [band is Closeness.CLOSE for v in visits if v.distance_m <= NEAR_M for band in v.bands]
    far = [band is not Closeness.CLOSE for v in visits if v.distance_m > NEAR_M for band in v.bands]
    print(
        f"within {NEAR_M:.0f} m: close in {sum(near) / len(near):.0%}; beyond: not close in {sum(far) / len(far):.0%}"
    )
    print(f"right: {sum(near + far) / len(near + far):.0%} of {len(near + far)} lines")
    received = [v for v in visits if v.distance_m <= RECEIVED_M]
    came, gone = sorted(v.appeared_s for v in received), sorted(v.gone_s for v in received)
    print(
        f"up to {RECEIVED_M:.0f} m: first shown after {came[len(came) // 2]:.1f} s (median), {came[-1]:.1f} s at most;"
    )
    print(f"last shown {gone[0]:.1f} to {gone[-1]:.1f} s after it left")
    cost()


def cost() -> None:
    """Print what a packet costs in the table, next to what it costs on its way to a stored minute."""
    payloads = [b"\x03\x03\x6f\xfd\x17\x16\x6f\xfd" + number.to_bytes(20, "big") for number in range(PEOPLE)]
    adverts = [
        Advert(AdvertisingData.from_bytes(payloads[n % PEOPLE]), -60 - n % 30, DAY_START_S + n / A_SECOND)
        for n in range(PACKETS)
    ]
    fold, share, table = MinuteFold(), PacketShare(), Neighbours(bytes(32))
    began_s, sightings = time.process_time(), []
    for advert in adverts:
        sighting = receive(advert)
        assert isinstance(sighting, Sighting)
        sightings.append(sighting)
        fold.add(sighting.observed, sighting.rssi_dbm, sighting.received_at_s, trusted=True)
        share.received(sighting.observed, sighting.observed.protocol, sighting.rssi_dbm, sighting.received_at_s)
    stored_s = time.process_time() - began_s
    began_s = time.process_time()
    for s in sightings:
        table.received(s.observed, s.rssi_dbm, s.received_at_s)
    table_s = time.process_time() - began_s
    began_s = time.process_time()
    for _ in range(LOOKS):
        table.near(PACKETS / A_SECOND + DAY_START_S, assumed_tx_power_dbm=-25)
    look_s = (time.process_time() - began_s) / LOOKS
    print(f"a packet: {1e6 * stored_s / PACKETS:.1f} µs to the minute, {1e6 * table_s / PACKETS:.1f} µs in the table")
    print(f"a line of {PEOPLE} devices: {1e3 * look_s:.1f} ms, while somebody reads")


if __name__ == "__main__":
    main()
