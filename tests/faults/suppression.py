"""A real contact of half an hour, and somebody who sends identifiers to have it forgotten: forged ones, or its own.

``python -m tests.faults.suppression`` prints the table of docs/security.md, with ``--repeated`` that of
docs/exposure.md.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final

import structlog

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.attenuation import ReceivedMinute, attenuation_db, attenuation_histogram, merge
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Received
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.risk import MODELS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.store import Store
from tests.fakes import SteeredRadio, numbered_bytes

DAY0_S = 1_806_537_600
MET_S = DAY0_S + 10 * 3600
MET_MIN = 30
TX_DBM = -20
RECEIVED_DBM = -68
"""48 dB."""
GAEN_UUID = 0xFD6F
GAEN = PROTOCOLS["gaen"]
FOUR_A_SECOND, FIVE_A_MINUTE = 0.25, 11.5
"""Seconds between two packets of a neighbour: a raw socket's, and what bluetoothd lets through."""
REPEATED_DBM: Final = (-97, -90, -80, -70, -60)
REPEATED_A_SECOND: Final = (1, 4, 20)
TICK_S = 0.5

Packet = tuple[float, AdvertisingData, int]


@dataclass(frozen=True, slots=True)
class Forger:
    """What somebody sends besides."""

    identifiers_a_minute: int
    rssi_dbm: int
    packets: int = 3
    """Of each identifier, at most."""
    within_s: float = 10.0
    lasting: bool = False
    """Whether the same identifiers are sent every minute, ``packets`` times spread over it."""

    def packets_in(self, start_s: float, random: Random, numbers: Iterator[int]) -> Iterator[Packet]:
        for number in range(self.identifiers_a_minute):
            data = _forged(number if self.lasting else next(numbers))
            first_s = start_s + random.uniform(0, 60 / self.packets if self.lasting else 60)
            for nth in range(self.packets if self.lasting else random.randint(1, self.packets)):
                after_s = nth * 60 / self.packets if self.lasting else random.uniform(0, self.within_s)
                yield first_s + after_s, data, min(-1, round(random.gauss(self.rssi_dbm, 2)))


@dataclass(frozen=True, slots=True)
class Repeater:
    """Sends the neighbour's own frames again, in the same minutes."""

    rssi_dbm: int
    a_second: int

    def packets_in(
        self, start_s: float, random: Random, data_at: Callable[[float], AdvertisingData]
    ) -> Iterator[Packet]:
        for _ in range(60 * self.a_second):
            at_s = start_s + random.uniform(0, 60)
            yield at_s, data_at(at_s), round(random.gauss(self.rssi_dbm, 2))


NOBODY: Final = Repeater(-97, 0)


def _forged(number: int) -> AdvertisingData:
    data = b"\x0f" + number.to_bytes(15, "big") + bytes(4)
    return AdvertisingData(service_uuids=(GAEN_UUID,), service_data={GAEN_UUID: data})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of the contact."""

    minutes: int
    weighted_by: dict[str, float]
    """Weighted minutes by each rule."""
    dropped: int
    """Packets that the journal says are in no minute."""

    @property
    def weighted(self) -> float:
        """By the rule ``learned``."""
        return self.weighted_by["learned"]

    @property
    def warns(self) -> bool:
        return self.weighted >= MODELS["learned"].warning_minutes


def contact(seed: int, every_s: float, attacker: Forger | Repeater, *, dbm: int = RECEIVED_DBM) -> Outcome:
    """Let an agent live through it; every packet goes the way of a radio's."""
    random = Random(seed)
    key = DailyKey("gaen", random.randbytes(16), DAY0_S, DAY0_S + DAY_S, 144)
    with scratch_folder() as folder, Store(folder) as store:
        clock = SimulatedClock(MET_S - TICK_S)
        radio = SteeredRadio(clock)
        run_simulated(_live(store, clock, radio, _air(random, key, every_s, attacker, dbm)))
        received = store.journal.get(Received)
        return _outcome(store, key, received.dropped if received else 0)


def _air(random: Random, key: DailyKey, every_s: float, attacker: Forger | Repeater, dbm: int) -> Iterator[Packet]:
    """Yield all packets by time; what begins in a minute and ends in the next comes with that one."""
    numbers, late = count(1_000_000), list[Packet]()
    advertisements = {slot.starts_at_s: GAEN.encode(key, slot, TX_DBM) for slot in GAEN.slots(key)}

    def data_at(at_s: float) -> AdvertisingData:
        return advertisements[key.slot_start_s(at_s)]

    repeated = Random(1)  # a sequence of its own: the contact is the same with and without what is repeated
    at_s = MET_S + random.uniform(0, every_s)
    for start_s in range(MET_S, MET_S + MET_MIN * 60, 60):
        if isinstance(attacker, Forger):
            packets = [*late, *attacker.packets_in(start_s, random, numbers)]
        else:
            packets = [*late, *attacker.packets_in(start_s, repeated, data_at)]
        while at_s < start_s + 60:
            packets.append((at_s, data_at(at_s), round(random.gauss(dbm, 4))))
            at_s += every_s
        packets.sort(key=lambda p: p[0])
        late = [p for p in packets if p[0] >= start_s + 60]
        yield from packets[: len(packets) - len(late)]


async def _live(store: Store, clock: SimulatedClock, radio: SteeredRadio, air: Iterator[Packet]) -> None:
    stop = asyncio.Event()
    agent = Agent(store, radio, clock, GAEN, TX_DBM, None, random_bytes=numbered_bytes())
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(agent.run(stop))
        await asyncio.sleep(TICK_S)
        for at_s, data, rssi_dbm in air:
            if at_s >= clock.now_s() + TICK_S:
                await asyncio.sleep((at_s - clock.now_s()) // TICK_S * TICK_S)
            radio.receive(data, rssi_dbm)
        stop.set()
        await running


def _outcome(store: Store, key: DailyKey, dropped: int) -> Outcome:
    own = {slot.identifier for slot in GAEN.slots(key)}
    minutes = merge(
        ReceivedMinute(
            m.minute,
            attenuation_db(TX_DBM, m.mean_dbm),
            m.count,
            attenuation_histogram(m.histogram, TX_DBM),
        )
        for m in store.contacts.minutes_since(0)
        if m.observed.identifier in own
    )
    weighted_by = {name: sum(model.weigh(minutes).values()) for name, model in MODELS.items()}
    return Outcome(len(minutes), weighted_by, dropped)


def main() -> None:
    """Print a table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if sys.argv[1:] == ["--repeated"]:
        _print_repeated()
    else:
        _print_forged()


def _print_repeated() -> None:
    """Print what is left of five packets a minute by each rule, beside who repeats them."""
    without = contact(1, FIVE_A_MINUTE, NOBODY)
    rates = ", ".join(map(str, REPEATED_A_SECOND))
    print("| rule | without |", " | ".join(f"{dbm} dBm: {rates} a second" for dbm in REPEATED_DBM), "|")
    print("|---" * (2 + len(REPEATED_DBM)) + "|")
    left = {
        dbm: [contact(1, FIVE_A_MINUTE, Repeater(dbm, a_second)) for a_second in REPEATED_A_SECOND]
        for dbm in REPEATED_DBM
    }
    for name in MODELS:
        said = (", ".join(f"{o.weighted_by[name]:.0f}" for o in outcomes) for outcomes in left.values())
        print(f"| `{name}` | {without.weighted_by[name]:.0f} |", " | ".join(said), "|")


def _print_forged() -> None:
    """Print what those who last cost."""
    print("| forged identifiers | packets of each a minute | packets a second | power | 4 a second | 5 a minute |")
    print("|---|---|---|---|---|---|")
    for identifiers in (399, 400, 800, 2_000):
        for packets in (2, 5):
            for dbm in (-35, -60, -68, -90):
                forger = Forger(identifiers, dbm, packets, lasting=True)
                kept = [contact(1, every_s, forger) for every_s in (FOUR_A_SECOND, FIVE_A_MINUTE)]
                said = " | ".join(f"{k.minutes} min{', warned' if k.warns else ''}" for k in kept)
                print(
                    f"| {identifiers:,} | {packets} | {identifiers * packets / 60:.0f} | {dbm} dBm | {said} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
