"""What every radio must do, whatever air it is on. Each function takes a bench and fails by assertion.

A sender and a receiver are in range of each other; the air says, independently of both, what was on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import DailyKey, ObservedIdentifier
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.core.reception import Advert
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM
from bluezone_agent.ports import Radio


@dataclass(frozen=True, slots=True)
class Change:
    """One change of what a sender has on the air; no data: it went off."""

    address: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Bench:
    """Two radios and the truth about their air."""

    sender: Radio
    receiver: Radio
    air: Callable[[], list[Change]]
    """Every change of what the sender had on the air so far."""
    a_while_s: float = 30.0
    """Long enough for the receiver to hear somebody several times."""
    shown: Callable[[AdvertisingData], AdvertisingData] = lambda advertising_data: advertising_data
    """What the sender makes of a frame, where its system does not take every part of it."""
    proves_itself: bool = False
    """Whether the sender has a second adapter in range of the one that broadcasts."""


@dataclass(slots=True)
class Ear:
    """What a radio heard."""

    adverts: list[Advert] = field(default_factory=list)

    def observed_identifiers(self) -> set[ObservedIdentifier | None]:
        return {decode(a.advertising_data) for a in self.adverts}


def advertisements(protocol: str, count: int) -> list[AdvertisingData]:
    """Return frames of one device in consecutive slots."""
    scheme = PROTOCOLS[protocol]
    key = DailyKey(protocol, bytes(range(scheme.key_length)), 0, 2 * DAY_S, scheme.slots_per_day)
    slots = [slot for slot, _ in zip(scheme.slots(key), range(count), strict=False)]
    return [scheme.encode(key, slot, -12) for slot in slots]


@asynccontextmanager
async def listening(radio: Radio) -> AsyncIterator[Ear]:
    """Have an open radio listen for the length of the block."""
    ear = Ear()
    task = asyncio.create_task(radio.listen(ear.adverts.append))
    try:
        yield ear
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task])
        for finished in done:
            assert finished.cancelled() or finished.exception() is None, finished.exception()


async def receives_what_is_advertised(bench: Bench) -> None:
    for name in PROTOCOLS:
        (advertising_data,) = advertisements(name, 1)
        async with bench.sender, bench.receiver, listening(bench.receiver) as ear:
            await bench.sender.advertise(advertising_data)
            await asyncio.sleep(bench.a_while_s)
        received = [a for a in ear.adverts if decode(a.advertising_data) == decode(bench.shown(advertising_data))]
        assert len(received) >= 2, f"{name}: heard {len(received)} times"
        assert all(a.rssi_dbm in PLAUSIBLE_RSSI_DBM for a in received)
        assert [a.received_at_s for a in received] == sorted(a.received_at_s for a in received)


async def receives_nothing_of_itself(bench: Bench) -> None:
    async with bench.sender, listening(bench.sender) as ear:
        await bench.sender.advertise(advertisements("gaen", 1)[0])
        await asyncio.sleep(bench.a_while_s)
    if bench.proves_itself:
        assert ear.adverts
        assert all(a.received_by for a in ear.adverts), "it is another adapter that hears it"
    else:
        assert ear.adverts == []


async def is_silent_after_withdraw(bench: Bench) -> None:
    async with bench.sender, bench.receiver:
        await bench.sender.advertise(advertisements("bluezone", 1)[0])
        await bench.sender.withdraw()
        await bench.sender.withdraw()  # nothing is on the air any more: nothing happens
        async with listening(bench.receiver) as ear:
            await asyncio.sleep(bench.a_while_s)
        assert ear.adverts == []


async def never_links_two_advertisements(bench: Bench) -> None:
    first, *_, last = shown = advertisements("gaen", 4)
    before = len(bench.air())
    async with bench.sender, bench.receiver, listening(bench.sender), listening(bench.receiver) as ear:
        for advertising_data in shown:
            await bench.sender.advertise(advertising_data)
            await asyncio.sleep(bench.a_while_s)
    on_air = [c for c in bench.air()[before:] if c.data]
    assert [c.data for c in on_air] == [bench.shown(f).to_bytes() for f in shown], (
        "one frame after the other, byte for byte"
    )
    assert len({c.address for c in on_air}) == len(shown), "each under an address of its own"
    assert ear.observed_identifiers() >= {decode(bench.shown(first)), decode(bench.shown(last))}


async def leaving_withdraws(bench: Bench) -> None:
    async with bench.receiver:
        async with bench.sender:
            await bench.sender.advertise(advertisements("bluezone", 1)[0])
        async with listening(bench.receiver) as ear:
            await asyncio.sleep(bench.a_while_s)
        assert ear.adverts == []


async def can_be_opened_and_listened_to_again(bench: Bench) -> None:
    (advertising_data,) = advertisements("bluezone", 1)
    for _ in range(2):
        async with bench.sender, bench.receiver:
            await bench.sender.advertise(advertising_data)
            for _ in range(2):
                async with listening(bench.receiver) as ear:
                    await asyncio.sleep(bench.a_while_s)
                assert decode(bench.shown(advertising_data)) in ear.observed_identifiers()


CONTRACT: Final[tuple[Callable[[Bench], Awaitable[None]], ...]] = (
    receives_what_is_advertised,
    receives_nothing_of_itself,
    is_silent_after_withdraw,
    never_links_two_advertisements,
    leaving_withdraws,
    can_be_opened_and_listened_to_again,
)
