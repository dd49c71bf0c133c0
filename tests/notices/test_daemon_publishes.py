"""A running agent tells Home Assistant of itself, directly or through the service that has the network."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bluezone_agent.app import daemon
from bluezone_agent.app.device import Device
from bluezone_agent.app.home_assistant import States
from bluezone_agent.clocks.simulated import SimulatedClock
from bluezone_agent.config import Config, HomeAssistant
from bluezone_agent.core.device_state import DeviceState
from bluezone_agent.stores.store import Store
from tests.program import Program

NOW_S = 1_800_000_000


class Kept:
    """Keeps what is published; the second time there is no broker."""

    def __init__(self) -> None:
        self.states: list[DeviceState] = []

    def publish(self, state: DeviceState) -> None:
        self.states.append(state)
        if len(self.states) == 2:
            raise ConnectionError("no connection to the MQTT broker")


def test_it_publishes_every_minute_and_goes_on_without_a_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "LOOK_S", 0.01)
    kept = Kept()

    async def some_minutes(store: Store, states: States) -> None:
        config = Config(home_assistant=HomeAssistant("mqtt://localhost"))
        task = asyncio.create_task(
            daemon._look_after_itself(Device(tmp_path), config, store, SimulatedClock(NOW_S), states)
        )
        async with asyncio.timeout(20):
            while len(kept.states) < 3:
                await asyncio.sleep(0.01)
        task.cancel()

    with Store(tmp_path / "state") as store:
        asyncio.run(some_minutes(store, kept))
    assert kept.states[0].problem


def test_a_broker_that_is_none_keeps_the_agent_from_starting(program: Program) -> None:
    program.config.write_text('radio = "virtual"\n[home_assistant]\nbroker = "http://tk_secret@localhost"\n')
    done = program.run("run")
    assert done.returncode == 78
    assert "is not the address of an MQTT broker" in done.stderr
    assert "tk_secret" not in done.stderr
    assert json.loads(program.run("status", "--json").stdout)["problems"] == ["not_running"]
