"""Two kernel radios, with a broker and a stock bluetoothd, held to the contract of every radio."""

from __future__ import annotations

from typing import Any

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.radios.kernel.radio import KernelRadio
from tests.lab.contract import failures
from tests.lab.guest import Guest

A_WHILE_S = 10.0


async def play(guest: Guest) -> dict[str, Any]:
    """Return each rule's failure, or nothing."""
    await guest.start()
    await guest.start_broker()
    clock = SystemClock()
    found = await failures(guest, lambda number: KernelRadio(f"hci{number}", clock), A_WHILE_S)
    return {"failures": found, "broker": await guest.stop_broker()}
