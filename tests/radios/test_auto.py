"""The radio that chooses: the kernel's where its broker answers, or else BlueZ's."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.packet_share import WINDOW_S
from bluezone_agent.errors import NoKernelRadioError, RadioFault, RadioUnavailableError
from bluezone_agent.radios import make_radio
from bluezone_agent.radios.auto import AutoRadio
from bluezone_agent.radios.kernel.inspect import read_broker
from bluezone_agent.radios.kernel.management import Opcode, Setting
from bluezone_agent.radios.kernel.relay import Purpose
from bluezone_agent.radios.options import RadioOptions
from tests.fakes import SteeredRadio
from tests.radio_contract import CONTRACT, Bench, advertisements, listening
from tests.radios.kernel_bench import EPOCH_S, KernelBench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelBench:
    return KernelBench(tmp_path, monkeypatch, extended=True)


@pytest.fixture
def bluez(monkeypatch: pytest.MonkeyPatch) -> SteeredRadio:
    """Return what stands in for BlueZ's radio."""
    radio = SteeredRadio(SimulatedClock(EPOCH_S))
    monkeypatch.setattr("bluezone_agent.radios.bluez.radio.open_radio", lambda _name, _clock, _options: radio)
    return radio


def auto(name: str = "hci0") -> AutoRadio:
    radio = make_radio(f"auto:{name}", SimulatedClock(EPOCH_S))
    assert isinstance(radio, AutoRadio)
    return radio


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
def test_contract(rule: object, bench: KernelBench) -> None:
    async def hold() -> None:
        async with bench.broker():
            await rule(Bench(auto("hci0"), auto("hci1"), lambda: list(bench.kernel.air[0]), 5.0))  # type: ignore[operator]

    run_simulated(hold())


def test_it_is_the_kernels_radio_where_the_broker_answers(bench: KernelBench, bluez: SteeredRadio) -> None:
    async def look() -> None:
        async with bench.broker(), auto() as radio:
            assert radio.scan_mode == "kernel"
            assert radio.description.startswith("kernel:hci0")
            await radio.advertise(advertisements("gaen", 1)[0])
            assert not bluez.on_air

    run_simulated(look())


def without_broker(bench: KernelBench) -> None:
    """Nothing listens."""


def without_permission(bench: KernelBench) -> None:
    bench.uids = frozenset({os.getuid() + 1})


def with_an_old_kernel(bench: KernelBench) -> None:
    bench.kernel.known = frozenset(Opcode) - {Opcode.ADD_MONITOR}


@pytest.mark.parametrize("how", [without_broker, without_permission, with_an_old_kernel], ids=lambda how: how.__name__)
def test_it_is_bluez_where_the_kernels_radio_cannot_be(bench: KernelBench, bluez: SteeredRadio, how: object) -> None:
    async def use() -> None:
        async with auto() as radio:
            assert radio.scan_mode == bluez.scan_mode
            await radio.advertise(advertisements("gaen", 1)[0])
            assert bluez.on_air

    async def look() -> None:
        how(bench)  # type: ignore[operator]
        if how is without_broker:
            await use()
        else:
            async with bench.broker():
                await use()

    run_simulated(look())


@pytest.mark.parametrize(
    ("setting", "on", "reason"),
    [
        (Setting.POWERED, False, RadioFault.POWERED_OFF),
        (Setting.DISCOVERABLE, True, RadioFault.LINKABLE),
    ],
)
def test_an_adapter_that_is_off_or_discoverable_is_so_for_both(
    bench: KernelBench, bluez: SteeredRadio, setting: Setting, on: bool, reason: RadioFault
) -> None:
    async def look() -> None:
        bench.kernel.set(0, setting, on=on)
        async with bench.broker():
            with pytest.raises(RadioUnavailableError) as caught:
                await auto().__aenter__()
        assert caught.value.reason is reason
        assert not bluez.opened

    run_simulated(look())


def test_a_controller_that_filters_is_left_to_bluez(bench: KernelBench, bluez: SteeredRadio) -> None:
    async def look() -> None:
        bench.kernel.controllers[0].filters_s = 11.0
        radio = auto()
        async with bench.broker(), bench.radio("hci1") as neighbour:
            await neighbour.advertise(advertisements("gaen", 1)[0])
            async with radio:
                with pytest.raises(NoKernelRadioError, match="filters in hardware: about 2% of"):
                    async with asyncio.timeout(3 * WINDOW_S):
                        await radio.listen(lambda _advert: None)
            async with radio:
                assert radio.scan_mode == bluez.scan_mode

    run_simulated(look())


def test_a_good_controller_is_kept(bench: KernelBench) -> None:
    async def look() -> None:
        radio = auto()
        async with bench.broker(), bench.radio("hci1") as neighbour, radio, listening(radio) as ear:
            for advertising_data in advertisements("gaen", 3):
                await neighbour.advertise(advertising_data)
                await asyncio.sleep(WINDOW_S)
        assert len(ear.adverts) > 3 * WINDOW_S / 0.28

    run_simulated(look())


def test_what_the_doctor_asks(bench: KernelBench) -> None:
    async def look() -> None:
        missing = await read_broker()
        assert isinstance(missing.fault, NoKernelRadioError)
        bench.kernel.set(1, Setting.POWERED, on=False)
        async with bench.broker():
            found = await read_broker()
        assert [(a.name, a.powered, a.extended, a.advertises) for a in found.adapters] == [
            ("hci0", True, True, True),
            ("hci1", False, True, True),
        ]

    run_simulated(look())


def test_options_reach_both(bench: KernelBench) -> None:
    radio = AutoRadio("hci0", SimulatedClock(EPOCH_S), RadioOptions(purpose="selftest"))
    assert radio._kernel._purpose is Purpose.SELFTEST  # type: ignore[attr-defined]
