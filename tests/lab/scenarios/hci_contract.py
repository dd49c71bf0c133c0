"""Two HCI radios on the kernel's user channel, without bluetoothd, held to the contract of every radio."""

from __future__ import annotations

from typing import Any

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.radios.hci.radio import HciRadio
from tests.lab.contract import failures
from tests.lab.guest import Agent, Guest

A_WHILE_S = 10.0


async def play(guest: Guest) -> dict[str, Any]:
    """Return each rule's failure, or nothing, and how the agent ends on an adapter that is in use."""
    await guest.start_controllers()
    clock = SystemClock()
    found = await failures(guest, lambda number: HciRadio(str(number), clock), A_WHILE_S)
    agent = Agent(guest, "a", 'radio = "hci:0"\nclock_trusted = true\n')
    async with HciRadio("0", clock):
        busy = await agent.command("run")
    missing = await Agent(guest, "b", 'radio = "hci:7"\n').command("run")
    return {"failures": found, "busy": busy.as_json(), "missing": missing.as_json()}
