"""Several adapters as one radio: the contract, who counts, and what is lost without harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.radios.multi_adapter import (
    RECEIVER_SILENT_S,
    TRY_AGAIN_S,
    NamedAdapter,
    ReceiverSelector,
    SeveralRadios,
)
from tests.fakes import SteeredRadio
from tests.radio_contract import CONTRACT, Bench, Ear, advertisements, listening
from tests.radios.hci_air import HciAir

EPOCH_S = 1_600_000_000.0
AN_IDENTIFIER = ObservedIdentifier("gaen", b"a" * 16, b"")


def clock() -> SimulatedClock:
    return SimulatedClock(EPOCH_S)


def of_hci(air: HciAir, count: int) -> SeveralRadios:
    return SeveralRadios([NamedAdapter(f"adapter{n}", air.radio(clock())) for n in range(count)], clock())


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("extended", [True, False], ids=["extended", "legacy"])
def test_contract(rule: Callable[[Bench], Awaitable[None]], extended: bool) -> None:
    async def hold() -> None:
        air = HciAir(extended=extended)
        await rule(Bench(of_hci(air, 2), of_hci(air, 2), lambda: air.log.changes.get("0", []), 5.0, proves_itself=True))
        assert "1" not in air.log.changes, "only the first broadcasts"

    run_simulated(hold())


def test_a_minute_counts_what_one_adapter_heard() -> None:
    async def hold() -> Ear:
        air = HciAir(extended=True)
        receiver, sender = of_hci(air, 3), air.radio(clock())
        async with sender, receiver, listening(receiver) as ear:
            await sender.advertise(advertisements("gaen", 1)[0])
            await asyncio.sleep(60)
        return ear

    received = run_simulated(hold()).adverts
    assert len(received) == pytest.approx(60 / 0.205, abs=3), "three adapters hear each packet, one counts"
    assert len({a.received_by for a in received}) == 1


def test_another_ear_takes_over_when_one_hears_no_more() -> None:
    async def hold() -> Ear:
        air = HciAir(extended=True)
        receiver, sender = of_hci(air, 2), air.radio(clock())
        air.out_of_range.add(("2", "1"))
        async with sender, receiver, listening(receiver) as ear:
            await sender.advertise(advertisements("gaen", 1)[0])
            await asyncio.sleep(10)
            air.out_of_range ^= {("2", "1"), ("2", "0")}
            await asyncio.sleep(60)
        return ear

    received = run_simulated(hold()).adverts
    gaps_s = [after.received_at_s - before.received_at_s for before, after in pairwise(received)]
    assert RECEIVER_SILENT_S <= max(gaps_s) <= RECEIVER_SILENT_S + 1
    assert [a.received_by for a in received] == sorted(a.received_by for a in received), (
        "one after the other, never in turns"
    )
    assert {a.received_by for a in received} == {"", "adapter1"}


def test_an_identifier_without_rssi_comes_from_one_adapter_too() -> None:
    async def hold() -> Ear:
        radios = Steered()
        async with radios.both, listening(radios.both) as ear:
            await asyncio.sleep(1)
            for radio in (radios.first, radios.other):
                radio.receive(advertisements("gaen", 1)[0], 127)
        return ear

    assert [a.received_by for a in run_simulated(hold()).adverts] == [""]


def test_ears_forget_who_has_gone() -> None:
    selector = ReceiverSelector()
    assert selector.counts(AN_IDENTIFIER, "x", 0)
    assert not selector.counts(AN_IDENTIFIER, "y", RECEIVER_SILENT_S)
    assert selector.counts(AN_IDENTIFIER, "y", RECEIVER_SILENT_S + 1)
    assert not selector.counts(AN_IDENTIFIER, "x", RECEIVER_SILENT_S + 2)


class Steered:
    """Two steered radios as one."""

    def __init__(self, silent_after_s: float = 95.0) -> None:
        self.first, self.other = (SteeredRadio(clock(), silent_after_s=silent_after_s) for _ in range(2))
        self.both = SeveralRadios([NamedAdapter("first", self.first), NamedAdapter("other", self.other)], clock())


def fault(reason: RadioFault = RadioFault.LOST) -> RadioUnavailableError:
    return RadioUnavailableError(reason, "gone")


def test_a_lost_adapter_does_not_take_the_others_down_and_comes_back() -> None:
    async def hold() -> None:
        radios = Steered()
        async with radios.both, listening(radios.both) as ear:
            await asyncio.sleep(1)
            radios.other.fails_with = fault()
            await asyncio.sleep(1)
            assert "other (lost)" in radios.both.description
            radios.first.receive(advertisements("gaen", 1)[0], -50)
            assert len(ear.adverts) == 1
            radios.other.fails_with = None
            await asyncio.sleep(TRY_AGAIN_S + 1)
            radios.other.receive(advertisements("bluezone", 1)[0], -50)
            assert [a.received_by for a in ear.adverts] == ["", "other"]
            assert "lost" not in radios.both.description

    run_simulated(hold())


def test_one_that_cannot_be_opened_is_missed_by_nobody_but_itself() -> None:
    async def hold() -> None:
        radios = Steered()
        radios.other.fails_with = fault(RadioFault.NO_ADAPTER)
        async with radios.both, listening(radios.both) as ear:
            await asyncio.sleep(1)
            radios.first.receive(advertisements("gaen", 1)[0], -50)
            assert len(ear.adverts) == 1

    run_simulated(hold())


def test_the_loss_of_the_first_is_the_loss_of_all() -> None:
    async def hold() -> None:
        radios = Steered()
        async with radios.both:
            listen = asyncio.create_task(radios.both.listen(lambda _: None))
            await asyncio.sleep(1)
            radios.first.fails_with = fault()
            await asyncio.wait([listen])
            assert not radios.other.listens
            listen.result()

    with pytest.raises(RadioUnavailableError, match="gone"):
        run_simulated(hold())


def test_a_scan_of_another_adapter_that_falls_silent_starts_again() -> None:
    async def hold() -> int:
        radios = Steered(silent_after_s=90.0)
        async with radios.both, listening(radios.both):
            for _ in range(10):
                await asyncio.sleep(20)
                radios.first.receive(advertisements("gaen", 1)[0], -50)
        return radios.other.scans

    assert run_simulated(hold()) == 3
