"""The kernel's radio on a broker of its own and a stand-in for the kernel, with extended advertising and without."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import run_simulated
from tests.radio_contract import CONTRACT, Bench
from tests.radios.fake_kernel import NONCONN_IND
from tests.radios.kernel_bench import KernelBench


@pytest.fixture(params=[True, False], ids=["extended", "legacy"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelBench:
    return KernelBench(tmp_path, monkeypatch, extended=bool(request.param))


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
def test_contract(rule: Callable[[Bench], Awaitable[None]], bench: KernelBench) -> None:
    async def hold() -> None:
        async with bench.broker():
            sender, receiver = bench.radio("hci0"), bench.radio("hci1")
            await rule(Bench(sender, receiver, lambda: list(bench.kernel.air[0]), 5.0))
        assert bench.kernel.kinds == {NONCONN_IND}
        assert not any(c.instances or c.monitors for c in bench.kernel.controllers.values())

    run_simulated(hold())
