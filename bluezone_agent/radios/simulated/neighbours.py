"""Simulated neighbours for a device without Bluetooth: ``radio = "virtual"``."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import DailyKey, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S, day_start_s
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.options import RadioOptions
from bluezone_agent.radios.simulated.air import Air, Position

TX_POWER_DBM: Final = -12
VISIT_S: Final = 1200
"""One neighbour stays; the other comes to 1 m and moves off to 9 m again in this time."""


def neighbourhood(clock: Clock) -> Radio:
    """Return the radio of a device with two neighbours, one per protocol, that nobody can match to a person."""
    air = Air(clock.now_s, seed=secrets.randbits(64))
    stays, visits = PROTOCOLS.values()
    air.observed(lambda _: Position(1.5, 0.0, math.pi), rotating(stays), tx_power_dbm=TX_POWER_DBM)
    air.observed(_visit, rotating(visits), tx_power_dbm=TX_POWER_DBM)
    return air.radio(clock, lambda _: Position(0.0, 0.0))


def rotating(
    protocol: ProximityProtocol, random_bytes: Callable[[int], bytes] = secrets.token_bytes
) -> Callable[[float], AdvertisingData]:
    """Return what a device of ``protocol`` advertises as a function of Unix time, from keys that nobody keeps."""
    keys: dict[int, DailyKey] = {}

    def advertising_data_at(unix_s: float) -> AdvertisingData:
        day_s = day_start_s(unix_s)
        if day_s not in keys:
            data = random_bytes(protocol.key_length)
            keys.clear()
            keys[day_s] = DailyKey(protocol.name, data, day_s, day_s + DAY_S, protocol.slots_per_day)
        key = keys[day_s]
        return protocol.encode(key, protocol.identifier_at(key, unix_s), TX_POWER_DBM)

    return advertising_data_at


def _visit(unix_s: float) -> Position:
    distance_m = 5 - 4 * math.cos(2 * math.pi * unix_s / VISIT_S)
    return Position(0.0, distance_m, -math.pi / 2)


def open_radio(_name: str, clock: Clock, _options: RadioOptions) -> Radio:
    """Return the radio called ``virtual``."""
    return neighbourhood(clock)
