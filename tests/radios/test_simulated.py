"""The simulated air: who hears whom follows from where they are, and from the seed alone."""

import asyncio
import math
from statistics import fmean

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.reception import Advert
from bluezone_agent.radios import make_radio
from bluezone_agent.radios.simulated.air import Air, Motion, Position, Propagation
from tests.radio_contract import advertisements, listening

EPOCH_S = 1_600_000_000.0
HERE: Motion = lambda _: Position(0, 0)  # noqa: E731


def received(
    motion: Motion, *, seed: int = 0, seconds: float = 60, rx_offset_db: float = 0, offset_s: float = 0
) -> list[Advert]:
    """Return what a device at the origin hears of one that moves."""

    async def listen() -> list[Advert]:
        air = Air(lambda: EPOCH_S + asyncio.get_running_loop().time(), seed=seed)
        air.observed(motion, lambda _: advertisements("gaen", 1)[0])
        radio = air.radio(SimulatedClock(EPOCH_S, offset_s=offset_s), HERE, rx_offset_db=rx_offset_db)
        async with radio, listening(radio) as ear:
            await asyncio.sleep(seconds)
        return ear.adverts

    return run_simulated(listen())


def at(distance_m: float, facing_rad: float = math.pi) -> Motion:
    return lambda _: Position(distance_m, 0, facing_rad)


def mean_dbm(adverts: list[Advert]) -> float:
    return fmean(a.rssi_dbm for a in adverts)


def test_the_same_seed_hears_the_same() -> None:
    assert [a.rssi_dbm for a in received(at(2), seed=3)] == [a.rssi_dbm for a in received(at(2), seed=3)]
    assert [a.rssi_dbm for a in received(at(2), seed=3)] != [a.rssi_dbm for a in received(at(2), seed=4)]


def test_farther_is_weaker_by_the_path_loss() -> None:
    near, far = received(at(1), seconds=1800), received(at(10), seconds=3600)
    assert mean_dbm(near) - mean_dbm(far) == pytest.approx(Propagation().decade_db, abs=1.5)


def test_a_back_turned_is_weaker() -> None:
    assert mean_dbm(received(at(2, math.pi), seconds=1800)) - mean_dbm(
        received(at(2, 0.0), seconds=3600)
    ) == pytest.approx(Propagation().body_db, abs=1.5)


def test_packets_are_lost_and_spread_as_stated() -> None:
    adverts = received(at(1), seconds=1800)
    assert len(adverts) / (1800 / 0.25) == pytest.approx(1 - Propagation().packet_loss, abs=0.01)
    spread = math.sqrt(fmean((a.rssi_dbm - mean_dbm(adverts)) ** 2 for a in adverts))
    assert spread == pytest.approx(math.hypot(Propagation().fading_db, Propagation().shadowing_db), abs=0.7)


def test_out_of_range_or_off_is_not_heard() -> None:
    assert received(at(5000)) == []
    assert received(lambda _: None) == []


def test_who_moves_off_is_heard_until_then() -> None:
    adverts = received(lambda t: Position(1, 0) if t < EPOCH_S + 30 else None)
    assert max(a.received_at_s for a in adverts) == pytest.approx(EPOCH_S + 30, abs=1)


def test_a_receivers_errors_show_in_what_it_reports() -> None:
    exact, off = received(at(1)), received(at(1), rx_offset_db=5, offset_s=-90)
    assert mean_dbm(off) - mean_dbm(exact) == pytest.approx(5)
    assert off[0].received_at_s == exact[0].received_at_s - 90


def test_a_device_without_bluetooth_has_neighbours_of_both_protocols() -> None:
    async def listen() -> set[str]:
        radio = make_radio("virtual", SimulatedClock(EPOCH_S))
        async with radio, listening(radio) as ear:
            await asyncio.sleep(3600)
        return {b.protocol for b in ear.observed_identifiers() if b}

    assert run_simulated(listen()) == {"bluezone", "gaen"}
