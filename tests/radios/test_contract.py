"""The radio contract on the simulated air, bare and recorded. The lab holds BlueZ to the same contract."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.radios.recorded.recording import RecordingRadio
from bluezone_agent.radios.simulated.air import Air, Position
from tests.radio_contract import CONTRACT, Bench, Change

EPOCH_S = 1_600_000_000.0


def virtual() -> Bench:
    air = Air(lambda: EPOCH_S + asyncio.get_running_loop().time(), seed=1)
    sender = air.radio(SimulatedClock(EPOCH_S), lambda _: Position(0, 0))
    receiver = air.radio(SimulatedClock(EPOCH_S), lambda _: Position(1, 0))
    return Bench(sender, receiver, lambda: [Change(c.address, c.data) for c in air.log if c.device == 0])


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("recorded", [False, True], ids=["virtual", "recording"])
def test_contract(rule: Callable[[Bench], Awaitable[None]], recorded: bool, tmp_path: Path) -> None:
    bench = virtual()
    if recorded:
        bench = Bench(
            RecordingRadio(bench.sender, tmp_path / "a.csv"),
            RecordingRadio(bench.receiver, tmp_path / "b.csv"),
            bench.air,
        )

    async def hold() -> None:
        await rule(bench)

    run_simulated(hold())
