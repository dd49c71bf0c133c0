"""Two radios that measure each other, on an air on which everything is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bluezone_agent.actions.radio_test import (
    ROTATES_S,
    SHORTEST_S,
    SPARE_S,
    Identifiers,
    Measured,
    ReceivedDevice,
    measure,
)
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert
from bluezone_agent.radios.kernel.relay import Purpose
from tests.fakes import SteeredRadio
from tests.radio_contract import advertisements
from tests.radios.fake_kernel import POWER_DBM
from tests.radios.kernel_bench import EPOCH_S, KernelBench

SECONDS = 120


def both(bench: KernelBench, protocol: str = "gaen") -> tuple[Measured, Measured]:
    """Run the test on two devices of a machine, one 7 s after the other."""

    async def test(name: str, number: int) -> Measured:
        await asyncio.sleep(7 * number)
        radio = bench.radio(name, Purpose.SELFTEST)
        return await measure(
            radio,
            SimulatedClock(EPOCH_S),
            PROTOCOLS[protocol],
            SECONDS,
            tx_power_dbm=-12,
            random_below=lambda _n: number,
        )

    async def play() -> tuple[Measured, Measured]:
        async with bench.broker():
            return await asyncio.gather(test("hci0", 0), test("hci1", 1))

    return run_simulated(play())


def received(measured: Measured) -> ReceivedDevice:
    assert measured.received is not None
    return measured.received


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("extended", [True, False], ids=["extended", "legacy"])
def test_two_good_radios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extended: bool, protocol: str) -> None:
    first, second = both(KernelBench(tmp_path, monkeypatch, extended=extended), protocol)
    assert first.sent == second.sent == SECONDS / ROTATES_S
    assert first.known_dbm == (POWER_DBM if extended else None)
    for one in (received(first), received(second)):
        assert one.identifiers >= 5
        assert one.share == pytest.approx(1.0, abs=0.05)
        assert one.interval_ms == pytest.approx(200 if extended else 100, abs=25)
        assert one.shortest_pause_s is not None
        assert one.longest_pause_s is not None
        assert 0 <= one.shortest_pause_s <= one.longest_pause_s <= 2.5
        assert one.overlaps == 0
        assert one.addresses_per_identifier == one.identifiers_per_address == 1
        assert one.stated_dbm == (POWER_DBM if extended else -12)
        zeros = {"gaen": "02011a03036ffd17166ffd" + 20 * "00", "bluezone": None}[protocol]
        assert zeros is None or one.advertising_data == zeros


class Air:
    """A radio whose neighbour does what the test says."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(EPOCH_S)
        self.radio = SteeredRadio(self.clock)

    def measured(self, neighbour: Callable[[list[AdvertisingData]], Coroutine[None, None, None]]) -> Measured:
        protocol = PROTOCOLS["gaen"]
        identifiers = Identifiers(protocol)
        key = identifiers.key(1)
        advertised = [protocol.encode(key, slot, -20) for slot, _n in zip(identifiers.of(1), range(9), strict=False)]

        async def play() -> Measured:
            playing = asyncio.create_task(neighbour(advertised))
            try:
                return await measure(
                    self.radio, self.clock, protocol, SECONDS, tx_power_dbm=-12, random_below=lambda _n: 0
                )
            finally:
                playing.cancel()

        return run_simulated(play())

    def receive(self, data: AdvertisingData, address: str) -> None:
        advert = Advert(data, -50, self.clock.now_s())
        assert self.radio._received is not None
        self.radio._received(replace(advert, sender=sha256(address.encode()).digest()[:4]))


class SlowClock(SimulatedClock):
    """A clock of which a little is left when a timer of the event loop is due, as rounding or a suspend leaves it."""

    def uptime_s(self) -> float:
        return super().uptime_s() * (1 - 1e-6)


@given(seconds=st.floats(1, 300), pause_s=st.floats(0, 2))
@example(seconds=120.0, pause_s=0.0)
@example(seconds=3 * ROTATES_S + SHORTEST_S, pause_s=2.0)
def test_no_identifier_is_advertised_too_briefly_to_be_received(seconds: float, pause_s: float) -> None:
    clock = SlowClock(EPOCH_S)
    radio = SteeredRadio(clock)
    radio.pause_s = pause_s

    async def play() -> tuple[Measured, float]:
        measured = await measure(radio, clock, PROTOCOLS["gaen"], seconds, tx_power_dbm=-12)
        return measured, clock.now_s()

    measured, ended_s = run_simulated(play())
    assert ended_s - EPOCH_S == pytest.approx(max(seconds, pause_s), abs=1e-3)
    starts_s = [at_s for at_s, _data in radio.history]
    advertised_s = [b - a for a, b in pairwise([*starts_s, ended_s])]
    assert measured.sent == len(advertised_s) >= 1
    if seconds >= SHORTEST_S:
        assert min(advertised_s) >= SHORTEST_S - 2 - 1e-3
    assert max(advertised_s) <= ROTATES_S + SPARE_S


def test_an_address_that_stays_is_seen() -> None:
    air = Air()

    async def neighbour(advertised: list[AdvertisingData]) -> None:
        await asyncio.sleep(1)
        for data in advertised:
            for _ in range(40):
                await asyncio.sleep(0.25)
                air.receive(data, "the same")

    one = received(air.measured(neighbour))
    assert (one.addresses_per_identifier, one.identifiers_per_address) == (1, 9)


def test_two_identifiers_at_once_and_two_addresses_of_one_are_seen() -> None:
    air = Air()

    async def neighbour(advertised: list[AdvertisingData]) -> None:
        await asyncio.sleep(1)
        for number in range(200):
            await asyncio.sleep(0.25)
            air.receive(advertised[number % 2], f"address {number // 20}")

    one = received(air.measured(neighbour))
    assert one.overlaps == 1
    assert one.addresses_per_identifier == 10
    assert one.stated_dbm == -20


def test_other_devices_are_not_taken_for_the_one_that_runs_the_test() -> None:
    air = Air()

    async def neighbour(_advertised: list[AdvertisingData]) -> None:
        await asyncio.sleep(1)
        while True:
            await asyncio.sleep(0.25)
            air.receive(advertisements("gaen", 1)[0], "somebody")

    assert air.measured(neighbour).received is None


def test_a_radio_that_does_not_tell_addresses_apart() -> None:
    air = Air()

    async def neighbour(advertised: list[AdvertisingData]) -> None:
        await asyncio.sleep(1)
        for _ in range(100):
            await asyncio.sleep(0.25)
            air.radio.receive(advertised[0], -50)

    one = received(air.measured(neighbour))
    assert one.addresses_per_identifier is one.identifiers_per_address is None
    assert (one.identifiers, one.packets, one.shortest_pause_s) == (1, 100, None)
