"""A hall full of people, some with a device, and an agent in the middle that says each second who is near."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.attenuation import ASSUMED_TX_POWER_DBM, CLOSE_DB, MIDDLE_DB
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.live_line import LiveLine, LiveRadio, LiveState
from bluezone_agent.core.neighbours import GONE_S, Neighbours
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert, Sighting, receive
from bluezone_agent.radios.simulated.air import Air, Position, Propagation
from bluezone_agent.radios.simulated.neighbours import rotating

SPREAD_DB: Final = 5.0
"""Standard deviation of the power from device to device: models, pockets and bags."""
STEP_S: Final = 1
"""One packet of each device a second: of four, a receiver that changes channels and shares its antenna gets one."""


@dataclass(frozen=True, slots=True)
class Hall:
    """A room, and how well the agent in its middle receives."""

    radius_m: float
    packet_loss: float = 0.3
    """Share of packets that are lost, however strong."""
    report_every_s: float = 0.0
    """A device is reported at most once in this time, as bluetoothd does with some adapters."""
    clocks_s: float = 3600.0
    """Devices begin their slots up to this far apart."""
    come_or_leave: float = 1 / 3
    """Share of the devices that come or leave during the count."""


def count(hall: Hall, devices: int, random: Random, *, begins_s: int, lasts_s: int) -> tuple[float, Iterator[LiveLine]]:
    """Return how many devices are present on average, and what the live feed says meanwhile, a line a second."""
    now_s = [float(begins_s)]
    propagation = Propagation(packet_loss=hall.packet_loss)
    air = Air(lambda: now_s[0], seed=random.getrandbits(32), propagation=propagation)
    present_s = 0.0
    for _ in range(devices):
        came_s, left_s = _stay(random, hall.come_or_leave, begins_s, begins_s + lasts_s)
        present_s += min(left_s, begins_s + lasts_s) - max(came_s, begins_s)
        air.observed(
            _stands(random, hall.radius_m, came_s, left_s),
            _sends(random, hall.clocks_s),
            tx_power_dbm=random.gauss(ASSUMED_TX_POWER_DBM, SPREAD_DB),
        )
    receptions = air.listener(lambda _: Position(0.0, 0.0))
    near = Neighbours(random.randbytes(32))
    reported = dict[ObservedIdentifier, float]()

    def lines() -> Iterator[LiveLine]:
        for number in range(-int(GONE_S), lasts_s + 1, STEP_S):
            now_s[0] = float(begins_s + number)
            for data, rssi_dbm, _sender in receptions():
                sighting = receive(Advert(data, rssi_dbm, now_s[0]))
                if (
                    isinstance(sighting, Sighting)
                    and now_s[0] - reported.get(sighting.observed, -math.inf) >= hall.report_every_s
                ):
                    reported[sighting.observed] = now_s[0]
                    near.received(sighting.observed, sighting.rssi_dbm, now_s[0])
            if number >= 0:
                yield _line(near, number, now_s[0], sparse=hall.report_every_s > 0)

    return present_s / lasts_s, lines()


def _stay(random: Random, come_or_leave: float, begins_s: float, ends_s: float) -> tuple[float, float]:
    """Return when a device comes and leaves; most are there before and after."""
    if random.random() >= come_or_leave:
        return -math.inf, math.inf
    at_s = random.uniform(begins_s, ends_s)
    return (at_s, math.inf) if random.random() < 0.5 else (-math.inf, at_s)


def _stands(random: Random, radius_m: float, came_s: float, left_s: float) -> Callable[[float], Position | None]:
    distance_m, direction = radius_m * math.sqrt(random.random()), random.uniform(0, 2 * math.pi)
    x_m, y_m = distance_m * math.cos(direction), distance_m * math.sin(direction)
    place = Position(x_m, y_m, random.uniform(0, 2 * math.pi))
    return lambda at_s: place if came_s <= at_s < left_s else None


def _sends(random: Random, clocks_s: float) -> Callable[[float], AdvertisingData]:
    """Return what a device of some protocol advertises, by a clock of its own; computed once a minute."""
    sends = rotating(random.choice(list(PROTOCOLS.values())), random.randbytes)
    ahead_s, known = random.uniform(0, clocks_s), dict[float, AdvertisingData]()

    def advertising_data_at(unix_s: float) -> AdvertisingData:
        minute = (unix_s + ahead_s) // MINUTE_S
        if minute not in known:
            known.clear()
            known[minute] = sends(minute * MINUTE_S)
        return known[minute]

    return advertising_data_at


def _line(near: Neighbours, number: int, at_s: float, *, sparse: bool) -> LiveLine:
    shown, more = near.near(at_s, assumed_tx_power_dbm=ASSUMED_TX_POWER_DBM)
    return LiveLine(
        number=number,
        at=datetime.fromtimestamp(at_s, UTC),
        up_s=at_s,
        state=LiveState.SCANNING,
        radio=LiveRadio(description="virtual", scan_mode="virtual", sparse=sparse, fault=None, message="", fields={}),
        protected=False,
        pause_left_s=None,
        clock_trusted=True,
        clock_reason=None,
        protocol="bluezone",
        own_code=None,
        close_db=CLOSE_DB,
        middle_db=MIDDLE_DB,
        calibrated=False,
        neighbours=shown,
        not_shown=more,
        received={},
        discarded={},
    )
