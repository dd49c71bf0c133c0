"""Two HCI radios on the kernel's user channel, without bluetoothd, held to the contract of every radio."""

from __future__ import annotations

import traceback
from typing import Any

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.radios.hci.radio import HciRadio
from tests.lab.air import read_air
from tests.lab.guest import Agent, Guest
from tests.radio_contract import CONTRACT, Bench, Change

A_WHILE_S = 10.0


async def play(guest: Guest) -> dict[str, Any]:
    """Return each rule's failure, or nothing, and how the agent ends on an adapter that is in use."""
    await guest.start_controllers()
    clock = SystemClock()

    def air() -> list[Change]:
        return [Change(s.address, s.data) for s in read_air(guest.out / "air.jsonl") if s.sender == "0"]

    failures = {}
    for rule in CONTRACT:
        try:
            await rule(Bench(HciRadio("0", clock), HciRadio("1", clock), air, A_WHILE_S))
            failures[rule.__name__] = ""
        except Exception:  # noqa: BLE001 - the host's test says which rule failed, and how
            failures[rule.__name__] = traceback.format_exc()
    agent = Agent(guest, "a", 'radio = "hci:0"\nclock_trusted = true\n')
    async with HciRadio("0", clock):
        busy = await agent.command("run")
    missing = await Agent(guest, "b", 'radio = "hci:7"\n').command("run")
    return {"failures": failures, "busy": busy.as_json(), "missing": missing.as_json()}
