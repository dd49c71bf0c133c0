"""A scan that falls silent ends, and no other does."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.radios.recorded.replay import ReplayRadio
from bluezone_agent.radios.silence import LOOK_S, scan_until_silent
from tests.fakes import SteeredRadio
from tests.radio_contract import advertisements

EPOCH_S = 1_600_000_000.0
SILENT_S = 90.0
ADVERTISEMENT = advertisements("gaen", 1)[0]


class Bench:
    """A scan that is watched, from its start."""

    def __init__(self, silent_after_s: float = SILENT_S) -> None:
        self.clock = SimulatedClock(EPOCH_S)
        self.radio = SteeredRadio(self.clock, silent_after_s=silent_after_s)
        self.adverts: list[Advert] = []
        self.ended_s = math.nan
        self.stopped = False

    async def scan(self, look: Callable[[], None] = lambda: None) -> float | None:
        try:
            async with asyncio.timeout(2 * 86_400):
                return await scan_until_silent(self.radio, self.clock, self.adverts.append, look)
        finally:
            self.ended_s = self.clock.now_s() - EPOCH_S
            self.stopped = not self.radio.listens


@pytest.mark.parametrize("last_s", [0.1, 4.9, 100.0, 102.5])
def test_silence_ends_the_scan_within_one_look(last_s: float) -> None:
    async def hold() -> tuple[Bench, float | None]:
        bench = Bench()
        scan = asyncio.create_task(bench.scan())
        for second in (0.1, *range(10, int(last_s), 10), last_s):
            await asyncio.sleep(second - (bench.clock.now_s() - EPOCH_S))
            bench.radio.receive(ADVERTISEMENT, -60)
        return bench, await scan

    bench, silent_s = run_simulated(hold())
    assert SILENT_S <= bench.ended_s - last_s <= SILENT_S + LOOK_S
    assert silent_s == pytest.approx(SILENT_S, abs=LOOK_S)
    assert bench.stopped
    assert bench.adverts[-1].received_at_s - EPOCH_S == pytest.approx(last_s, abs=0.001), (
        "what is received is passed on"
    )


def test_a_scan_that_never_receives_anything_is_silent_from_its_start() -> None:
    bench = Bench()
    assert run_simulated(bench.scan()) == pytest.approx(SILENT_S)
    assert bench.ended_s == pytest.approx(SILENT_S)


def test_a_scan_that_cannot_get_stuck_goes_on() -> None:
    async def hold() -> Bench:
        bench = Bench(math.inf)
        scan = asyncio.create_task(bench.scan())
        await asyncio.sleep(86_400)
        assert bench.radio.listens
        scan.cancel()
        await asyncio.wait([scan])
        return bench

    assert run_simulated(hold()).stopped


def test_the_end_of_a_recording_is_no_silence() -> None:
    async def hold() -> float | None:
        clock = SimulatedClock(EPOCH_S)
        radio = ReplayRadio(
            [Advert(ADVERTISEMENT, -60, EPOCH_S), Advert(ADVERTISEMENT, -60, EPOCH_S + 1000)], clock, "test"
        )
        return await scan_until_silent(radio, clock, lambda _: None)

    assert run_simulated(hold()) is None


def test_what_the_radio_fails_with_is_raised() -> None:
    async def hold() -> None:
        bench = Bench()
        scan = asyncio.create_task(bench.scan())
        await asyncio.sleep(1)
        bench.radio.fails_with = RadioUnavailableError(RadioFault.LOST, "gone")
        await scan

    with pytest.raises(RadioUnavailableError, match="gone"):
        run_simulated(hold())


def test_a_look_ends_the_scan_by_what_it_raises() -> None:
    bench, looks = Bench(), []

    def look() -> None:
        looks.append(bench.clock.now_s() - EPOCH_S)
        if len(looks) == 3:
            raise RadioUnavailableError(RadioFault.SUSPENDED, "asleep")

    with pytest.raises(RadioUnavailableError, match="asleep"):
        run_simulated(bench.scan(look))
    assert looks == pytest.approx([LOOK_S, 2 * LOOK_S, 3 * LOOK_S])
    assert bench.stopped
